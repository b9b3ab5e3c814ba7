/** What the page makes of values, without a browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parse, type Json, type Members } from '../../clients/typescript/src/json.ts';
import type { Receipt, Touched } from '../../clients/typescript/src/receipt.ts';
import { shape } from '../../clients/typescript/src/record.ts';
import type { Connection } from '../src/connection.ts';
import { check } from '../src/form/check.ts';
import { kindsOf } from '../src/kinds.ts';
import { batches, textOf } from '../src/words/csv.ts';
import { difference } from '../src/words/difference.ts';
import { putBack, valueAt } from '../src/words/places.ts';
import { words } from '../src/words/problems.ts';
import { storyOf } from '../src/words/receipt.ts';
import { lossesOf, type Row } from '../src/words/rows.ts';
import { resultText } from '../src/words/sheet.ts';

/** Returns numbers below a limit, the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
}

test('a_difference_has_both_texts', () => {
  const below = numbers(1);
  const text = (): string =>
    Array.from({ length: below(12) }, () => ['bean', ' ', '\n', '\r\n', 'pea, ', 'ß', '日本'][below(7)]).join('');
  for (let run = 0; run < 3_000; run++) {
    const [before, after] = [text(), text()];
    const found = difference(before, after);
    const of = (...kinds: string[]): string =>
      found
        .filter(({ kind }) => kinds.includes(kind))
        .map((stretch) => stretch.text)
        .join('');
    assert.deepEqual([of('same', 'removed'), of('same', 'added')], [before, after]);
  }
});

test('a_difference_shows_the_word_that_changed_in_a_long_text', () => {
  const words = Array.from({ length: 300 }, (_, place) => `word${place}`).join(' ');
  const found = difference(`${words} last`, `${words} first`);
  assert.deepEqual(
    found.slice(1).map(({ kind, text }) => [kind, text]),
    [
      ['removed', 'last'],
      ['added', 'first'],
    ],
  );
});

test('a_replaced_value_is_brought_back_into_the_entry_that_has_the_same_id', () => {
  const names = shape('task', { key: 'ref', entries: { '/steps': 'step' } });
  const old: Members = {
    steps: [
      { step: 'a', text: 'Dig' },
      { step: 'b', text: 'Sow' },
    ],
  };
  const made: Members = {
    steps: [
      { step: 'b', text: 'Sow twice' },
      { step: 'a', text: 'Dig' },
    ],
  };
  const now = { steps: [{ step: 'c', text: 'Eat' }, ...(made.steps as Members[])] };
  assert.equal(valueAt(old, made, '/steps/0/text', names), 'Sow');
  putBack(now, old, made, '/steps/0/text', names);
  assert.deepEqual(
    now.steps.map(({ step, text }) => [step, text]),
    [
      ['c', 'Eat'],
      ['b', 'Sow'],
      ['a', 'Dig'],
    ],
  );
  const texts = { goal: 'mine', ['__proto__']: 1 };
  putBack(texts, { goal: 'theirs' }, { goal: 'mine' }, '/goal', names);
  assert.equal(texts.goal, 'theirs');
});

test('a_kind_has_the_types_of_its_keys_and_the_name_of_deletions', () => {
  const about = { schema: 'NewReading', singular: 'a reading', plural: 'readings', key: 'meter', label: 'meter' };
  const kind = (more: object): ReturnType<typeof kindsOf>[number] | undefined =>
    kindsOf(JSON.stringify({ 'x-ripple': { reading: { ...about, ...more } } }))[0];
  const read = kind({ sort_key: 'at', sort_key_type: 'number', members: { deleted: 'removed' } });
  assert.deepEqual(read?.keys, [
    ['meter', 'string'],
    ['at', 'number'],
  ]);
  assert.equal(read.options.members?.deleted, 'removed');
  assert.deepEqual(kind({ sort_key: 'at' })?.keys[1], ['at', 'string']);
});

test('a_person_is_told_of_own_work_alone', () => {
  const me = { name: 'Ann', id: 'u1' };
  const row = (version: number, authorId: string, field: string, replaced?: string): Row => ({
    version,
    authorId,
    at: version,
    by: 'key',
    name: authorId,
    deleted: false,
    external: false,
    changes: [{ field, ...(replaced !== undefined && { replaced }) }],
  });
  const rows = [
    row(5, 'u2', '/goal', 'between'),
    row(4, 'u3', '/goal', 'mine'),
    row(4, 'u2', '/issue', 'not mine'),
    row(3, 'u1', '/goal', 'first'),
    row(2, 'u2', '/issue'),
  ];
  const found = lossesOf(rows, me, 0);
  assert.deepEqual(
    found.map(({ pointer, before, by }) => [pointer, before, by.version]),
    [['/goal', 'mine', 5]],
  );
  assert.deepEqual(lossesOf(rows, me, 5), []);
  assert.deepEqual(lossesOf(rows, { name: 'Cy', id: 'u9' }, 0), []);
});

test('a_check_names_the_place_and_the_rule', () => {
  const schema = {
    type: 'object',
    required: ['text'],
    properties: {
      text: { type: 'string', maxLength: 3 },
      size: { type: 'integer', maximum: 13 },
      due: { type: 'string', format: 'date' },
    },
  };
  const faults = (value: string): string[] =>
    check(schema, parse(value)).map(({ path, text }) => `${path.join('/')} ${text}`);
  assert.deepEqual(faults('{"text":"日本語","size":13,"due":"2028-02-29"}'), []);
  assert.deepEqual(faults('{"text":"long","size":14,"due":"2026-02-29"}'), [
    'text must have at most 3 characters',
    'size must be at most 13',
    'due must be a date, such as 2026-03-01',
  ]);
  assert.deepEqual(faults('{"text":"","size":1.5}'), ['text is required', 'size must be a whole number']);
  assert.deepEqual(faults('{"text":"a","size":99999999999999999999}'), ['size must be at most 13']);
});

test('a_sheet_is_divided_between_rows_and_every_part_has_the_header', () => {
  const many = Array.from({ length: 250 }, (_, row) => (row % 2 ? `${row},x\n` : `${row},"x\ny"\n`));
  const parts = batches(`\uFEFFid,text\n${many.join('')}`);
  assert.equal(parts.length, 3);
  assert(parts.every(({ text }) => text.startsWith('id,text\n')));
  assert.equal(parts.map(({ text }) => text.slice(8)).join(''), many.join(''));
  // A line number of the server counts from the part's header.
  assert.deepEqual(
    parts.map(({ before, line }) => [before, line]),
    [
      [0, 2],
      [150, 152],
      [300, 302],
    ],
  );
  assert.deepEqual(batches(''), []);
  assert.deepEqual(batches('id,text\n'), []);
});

/** Divides a sheet of these rows, with more rows before and after each one. Returns the row that a cut leaves whole. */
function cutAround(header: string, row: string, filler: string): string[] {
  const found = new Set<string>();
  for (const before of [98, 99, 100]) {
    const parts = batches(header + filler.repeat(before) + row + filler.repeat(100));
    const rows = parts.map(({ text }) => text.slice(header.length)).join('');
    assert.equal(rows, filler.repeat(before) + row + filler.repeat(100));
    for (const { text } of parts.filter((part) => part.text.includes(row.slice(0, 4)))) {
      found.add(text.slice(header.length).replaceAll(filler, ''));
    }
  }
  return [...found];
}

test('a_sheet_is_cut_where_the_server_ends_a_row', () => {
  const inCommas = [
    'p1,5" pipe,\n',
    'p1,5" pipe and "\n',
    'p1,"a ""b"",\r\nc"\n',
    'p1,"a"b"\n',
    'p1,"",""""\n',
    'p1,x;"\n',
    'p1,"a\rb\nc\r\nd",e\r\n',
  ];
  for (const row of inCommas) assert.deepEqual(cutAround('id,text,more\n', row, 'f,f\n'), [row]);
  // A quote begins a cell only after the separator, which the header tells.
  assert.deepEqual(cutAround('id;text\n', 'p1;x,"y\n', 'f;f\n'), ['p1;x,"y\n']);
  assert.deepEqual(cutAround('id\ttext\r', 'p1\t"x\ry"\r', 'f\tf\r'), ['p1\t"x\ry"\r']);
  assert.deepEqual(cutAround('"id,a",text\n', 'p1,"x\ny"\n', 'f,f\n'), ['p1,"x\ny"\n']);
});

test('rows_without_a_cell_do_not_count_and_begin_no_part', () => {
  const header = '\n\n"id\nx",text\r';
  const parts = batches(`${header}${',\n\n'.repeat(300)}${'a,\n'.repeat(100)}"",\n\nb,\n,\n`);
  assert.deepEqual(
    parts.map(({ text, before, line }) => [text.slice(header.length), before, line]),
    [
      [`${'a,\n'.repeat(100)}"",\n\n`, 600, 605],
      ['b,\n,\n', 702, 707],
    ],
  );
  assert(parts.every(({ text }) => text.startsWith(header)));
});

test('a_part_has_at_most_the_bytes_that_a_request_takes', () => {
  const limit = 1024 * 1024;
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  const header = `id,${'ö'.repeat(1_000)}\n`;
  const korean = Array.from({ length: 100 }, (_, row) => `${row},${'한'.repeat(3_900)}\n`);
  const parts = batches(header + korean.join(''));
  assert.deepEqual([parts.length, parts.map(({ text }) => text.slice(header.length)).join('')], [2, korean.join('')]);
  assert(parts.every(({ text }) => bytes(text) <= limit));

  const row = (size: number): string => `a,${'x'.repeat(size - header.length - 1_000 - 3)}\n`;
  const [full, over] = [row(limit), row(limit + 1)];
  assert.equal(bytes(header + full), limit);
  const found = batches(`${header}b,\n${full}b,\n${over}b,\n`);
  assert.deepEqual(
    found.map(({ text, line, isTooLarge }) => [text.length - header.length, line, isTooLarge]),
    [
      [3, 2, false],
      [full.length, 3, false],
      [3, 4, false],
      [over.length, 5, true],
      [3, 6, false],
    ],
  );
});

test('a_quoted_cell_without_an_end_is_told_with_its_line', () => {
  const refused = (text: string, line: number): void => {
    const message = `The quoted cell that begins on line ${line} does not end.`;
    assert.throws(() => batches(text), { message });
  };
  refused('id,version,text\np1,1,a\np2,1,"b\np3,61,c', 3);
  refused('id,text\r\n"p1\r\n2","b\r\n', 3);
  refused('id,text\np1,"a""', 2);
  refused('id,text\np1,"', 2);
  refused('\nid,"text\np1,a\n', 2);
  assert.equal(batches('id,text\np1,"a"').length, 1);
});

test('a_quote_in_the_header_that_changes_the_separator_of_a_part_is_told', () => {
  // The quote reaches into the first row, which has the most commas.
  const sheet = 'id;5" pipe,a\np",,,,\n';
  assert.equal(batches(sheet).length, 1);
  assert.throws(() => batches(sheet + '1,2\n'.repeat(120)), { message: 'The first row has an unpaired quote.' });
});

test('the_bytes_of_a_sheet_are_utf_8_or_utf_16_with_a_mark', () => {
  const text = 'id,name\n1,Müller 日本 🌱\n';
  const units = (isLittle: boolean): Uint8Array => {
    const view = new DataView(new ArrayBuffer(2 * text.length + 2));
    [...`\uFEFF${text}`.split('')].forEach((unit, at) => view.setUint16(2 * at, unit.charCodeAt(0), isLittle));
    return new Uint8Array(view.buffer);
  };
  const utf8 = new TextEncoder().encode(text);
  for (const bytes of [utf8, new Uint8Array([0xef, 0xbb, 0xbf, ...utf8]), units(true), units(false)]) {
    assert.equal(textOf(bytes), text);
  }
  assert.equal(textOf(new Uint8Array()), '');
  const message = 'The sheet is not UTF-8. In the spreadsheet program, save it as “CSV UTF-8”.';
  const latin = Uint8Array.from('id,name\n1,Müller\n', (unit) => unit.charCodeAt(0));
  for (const bytes of [latin, units(true).slice(0, -1), utf8.slice(0, -2)]) {
    assert.throws(() => textOf(bytes), { message });
  }
});

/** The kind of the records in the stories. */
const [TASK] = kindsOf('{"x-ripple":{"task":{"singular":"a task","plural":"tasks","key":"ref","label":"ref"}}}');

/** A row of the history, and a field that a receipt names. */
type Change = { field: string; entry?: Json; replaced?: Json };
type Write = { version: number; by: string; changes: Change[]; external?: boolean };

/** Tells what Ann's save of version 9 did. `state`: the record that it left. `writes`: the history, newest first. */
async function story(state: Members | undefined, writes: Write[], more: Partial<Receipt>): Promise<string> {
  const rows = writes.map(({ by, ...row }) => ({
    ...row,
    ...(!row.external && { updated_author: { name: by, id: by.toLowerCase() } }),
  }));
  async function* pages(): AsyncGenerator<object> {
    yield { records: rows, more: false };
  }
  const online = {
    versions: () => ({ pages }),
    version: () => (state ? Promise.resolve({ value: state }) : Promise.reject(new TypeError('there is no network'))),
  };
  const connection = { offline: false, person: { name: 'Ann', id: 'ann' }, resource: () => ({ online }) };
  const written = { n: 1, resource: 'task', id: 'a', kind: 'edit', title: 'A' } as const;
  const plain = { result: 'saved', version: 9, base: 5, baseMissing: false, omitted: 0 } as const;
  const lists: { [name: string]: readonly Touched[] } = { won: [], taken: [], merged: [], kept: [] };
  const receipt = { ...plain, ...lists, ...more } as unknown as Receipt;
  assert(TASK);
  const told = await storyOf(connection as unknown as Connection, TASK, written, receipt);
  return [told.sentence, ...told.replaced.map(({ sentence }) => sentence)].filter(Boolean).join(' ');
}

test('a_receipt_names_who_wrote_the_replaced_entry_and_not_who_wrote_another_one', async () => {
  const steps = (...texts: string[]): Members[] => texts.map((text, place) => ({ id: 'ab'[place] as string, text }));
  const writes = [
    { version: 9, by: 'Ann', changes: [{ field: '/steps', entry: 'a', replaced: { id: 'a', text: 'by Bo' } }] },
    { version: 7, by: 'Cy', changes: [{ field: '/steps', entry: 'b', replaced: { id: 'b', text: 'B' } }] },
    { version: 6, by: 'Bo', changes: [{ field: '/steps', entry: 'a', replaced: { id: 'a', text: 'A' } }] },
  ];
  const won = [{ pointer: '/steps/0/text', replaced: 7 }];
  const replaced = 'Bo’s change to the text of an entry of steps was replaced by yours.';
  assert.equal(await story({ steps: steps('by Ann', 'by Cy') }, writes, { won }), replaced);
  const second = [{ pointer: '/steps/1/text', replaced: 7 }];
  const moved = { steps: steps('by Ann', 'by Cy').reverse() };
  assert.equal(await story(moved, writes, { won: second }), replaced);
  // The list itself is what everyone wrote.
  const merged = [{ pointer: '/steps', added: 0, removed: 0, changed: 1 }];
  const together = 'Your steps was merged with what Cy and Bo wrote there: 1 entry was changed.';
  assert.equal(await story(moved, writes, { merged }), together);
});

test('a_receipt_names_who_wrote_a_member_and_not_who_wrote_its_neighbour', async () => {
  const entry = (text: string, note: string): Members => ({ id: 'a', text, note });
  const inEntry = (replaced: Json): Change[] => [{ field: '/steps', entry: 'a', replaced }];
  const entries = [
    { version: 9, by: 'Ann', changes: inEntry(entry('by Bo', 'by Cy')) },
    { version: 7, by: 'Cy', changes: inEntry(entry('by Bo', 'N')) },
    { version: 6, by: 'Bo', changes: inEntry(entry('A', 'N')) },
  ];
  const text = 'Bo’s change to the text of an entry of steps was replaced by yours.';
  const [state, won] = [{ steps: [entry('by Ann', 'by Cy')] }, [{ pointer: '/steps/0/text', replaced: 7 }]];
  assert.equal(await story(state, entries, { won }), text);
  const kept = [{ pointer: '/steps/0/note' }];
  const note = 'The note of an entry of steps that Cy saved was kept.';
  assert.equal(await story(state, entries, { kept }), note);

  const inObject = (name: string, replaced: string): Change[] => [{ field: `/address/${name}`, replaced }];
  const members = [
    { version: 9, by: 'Ann', changes: inObject('city', 'by Bo') },
    { version: 7, by: 'Cy', changes: inObject('zip', 'Z') },
    { version: 6, by: 'Bo', changes: inObject('city', 'C') },
  ];
  const address = { address: { city: 'by Ann', zip: 'by Cy' } };
  const both = { won: [{ pointer: '/address/city', replaced: 7 }], kept: [{ pointer: '/address/zip' }] };
  const zip = 'The zip of address that Cy saved was kept.';
  const city = 'Bo’s change to the city of address was replaced by yours.';
  assert.equal(await story(address, members, both), `${zip} ${city}`);
  // The state cannot be read: the history alone tells as much.
  assert.equal(await story(undefined, members, both), `${zip} ${city}`);
  // A write of the whole object is one of the member.
  const whole = [{ version: 8, by: 'Di', changes: [{ field: '/address', replaced: { city: 'by Bo', zip: 'Z' } }] }];
  const [own, ...earlier] = members;
  assert(own);
  const won8 = [{ pointer: '/address/city', replaced: 8 }];
  assert.equal(await story(address, [own, ...whole, ...earlier], { won: won8 }), city);
  const changes = [{ field: '/address', replaced: { city: 'other', zip: 'Z' } }];
  const theirs = city.replace('Bo', 'Di');
  assert.equal(await story(address, [own, { version: 8, by: 'Di', changes }, ...earlier], { won: won8 }), theirs);
});

test('a_receipt_on_the_state_of_another_program_names_only_who_wrote_since', async () => {
  const goal = (replaced: string): Change[] => [{ field: '/goal', replaced }];
  const writes = [
    { version: 9, by: 'Ann', changes: [{ field: '/issue', replaced: 'I' }] },
    { version: 8, by: 'Cy', changes: goal('external') },
    { version: 7, by: '', external: true, changes: goal('by Bo') },
    { version: 6, by: 'Bo', changes: goal('G') },
  ];
  const kept = [{ pointer: '/goal' }];
  const state = { goal: 'by Cy', issue: 'by Ann' };
  assert.equal(await story(state, writes, { base: -7, kept }), 'The goal that Cy saved was kept.');
  // Without a row of it, the state before the save is the base.
  const known = writes.filter(({ external }) => !external);
  assert.equal(await story(state, known, { base: -7, kept }), 'The goal that another person saved was kept.');
});

test('only_what_is_in_the_outbox_is_said_to_be_kept_on_the_device', () => {
  assert(TASK);
  const problem = { status: 503, code: 'unavailable', detail: 'busy', fields: {}, outcome: 'not_made' as const };
  assert.equal(words(problem, TASK), 'ripple is busy. Your text is kept on this device.');
  const row = { line: 2, id: 'a', status: 503, receipt: undefined, problem: { code: 'unavailable', detail: 'busy' } };
  assert.equal(resultText(TASK, row, false), 'Refused: ripple is busy.');
});
