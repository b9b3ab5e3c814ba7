/** What the page makes of values, without a browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parse, type Members } from '../../clients/typescript/src/json.ts';
import { shape } from '../../clients/typescript/src/record.ts';
import { check } from '../src/form/check.ts';
import { kindsOf } from '../src/kinds.ts';
import { putBack, valueAt } from '../src/views/receipts.ts';
import { batches, rowsOf } from '../src/words/csv.ts';
import { difference } from '../src/words/difference.ts';
import { lossesOf, type Row } from '../src/words/rows.ts';

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
  const rows = ['a,"b\r\n""x"",y"\r\n', 'c,d\r\n', '"e\nf",g\r\n', 'last,'];
  assert.deepEqual(rowsOf(rows.join('')), rows);
  const many = Array.from({ length: 250 }, (_, row) => (row % 2 ? `${row},x\n` : `${row},"x\ny"\n`));
  const parts = batches(`\uFEFFid,text\n${many.join('')}`);
  assert.equal(parts.length, 3);
  assert(parts.every(({ text }) => text.startsWith('id,text\n')));
  assert.equal(parts.map(({ text }) => text.slice(8)).join(''), many.join(''));
  // A line number of the server counts from the part's header.
  assert.deepEqual(
    parts.map(({ before }) => before),
    [0, 150, 300],
  );
  assert.deepEqual(batches(''), []);
});
