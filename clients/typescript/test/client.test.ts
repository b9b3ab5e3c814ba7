/** The client without a network: what it sends, what it makes of answers, and when it sends again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, equal, Num, Problem, type Change, type Json, type Members } from '../src/index.ts';
import { copy, parse, write } from '../src/json.ts';
import { nameEntries } from '../src/edit.ts';
import { pairOf } from '../src/keys.ts';
import { uuid } from '../src/ids.ts';
import { parseReceipt } from '../src/receipt.ts';

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

type Reply = Response | Error | (() => Response);

/** Returns a client that gets these replies, and what it has sent. */
function client(...replies: Reply[]): { client: Client; sent: Sent[]; waits: number[] } {
  const sent: Sent[] = [];
  const waits: number[] = [];
  const answering: typeof fetch = async (input, init = {}) => {
    sent.push({
      method: init.method ?? 'GET',
      url: String(input),
      headers: new Headers(init.headers),
      body: init.body as string | undefined,
    });
    const reply = replies.shift();
    assert(reply, 'there is no further reply');
    if (reply instanceof Error) throw reply;
    return typeof reply === 'function' ? reply() : reply;
  };
  const sleep = async (milliseconds: number): Promise<void> => void waits.push(milliseconds);
  return { client: new Client('http://ripple.example/prod', { key: 'rpl_k', fetch: answering, sleep }), sent, waits };
}

function ok(body: unknown, headers: { [name: string]: string } = {}, status = 200): Response {
  return new Response(body === undefined ? null : write(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

function saved(body: unknown, receipt = 'result=saved, version=2'): Response {
  return ok(body, { 'ripple-receipt': receipt, 'ripple-session': 'next' });
}

function problem(status: number, code: string, more: object = {}, headers: { [name: string]: string } = {}): Response {
  return new Response(JSON.stringify({ status, code, detail: 'a fault', ...more }), { status, headers });
}

const NETWORK = new TypeError('fetch failed');
const RECORD = { prj_id: 'p1', goal: 'A', version: 1, updated_at: 5, updated_by: 'dev' };

async function caught(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => assert.fail('it did not fail'),
    (cause: unknown) => cause,
  );
  assert(error instanceof Problem, String(error));
  return error;
}

test('numbers_keep_every_digit', () => {
  const text =
    '[1,0.1,6.0,-0,1e3,9007199254740993,12345678901234567890123456789012345678,0.1000000000000000055511151231257827,"1234567890123456"]';
  const list = parse(text) as Json[];
  assert.deepEqual(list.slice(0, 5), [1, 0.1, 6, -0, 1000]);
  assert.deepEqual(list.slice(5, 8).map(String), [
    '9007199254740993',
    '12345678901234567890123456789012345678',
    '0.1000000000000000055511151231257827',
  ]);
  assert(list[5] instanceof Num);
  assert.equal(write(list.slice(5)), text.replace('1,0.1,6.0,-0,1e3,', ''));
  assert.equal(write({ a: 12345678901234567890n }), '{"a":12345678901234567890}');
  assert.equal(typeof parse('9007199254740992000'), 'number', 'a double holds it');
  assert.throws(() => write(NaN), TypeError);
  assert.throws(() => new Num('1; DROP'), SyntaxError);
  assert.throws(() => parse('[1,]'), SyntaxError);
  const long = `${'x\\"'.repeat(2_000_000)}1234567890123456`;
  const odd = ['\\', '"', '\\"', '\\\\', ',]}', '{"a":1', new Num('9007199254740993')];
  assert.deepEqual(parse(write([odd])), [odd]);
  assert.deepEqual(parse(write([long, new Num('9007199254740993')])), [long, new Num('9007199254740993')]);
});

test('equality_is_by_value_and_without_the_order_of_members', () => {
  assert(equal({ a: 1, b: [new Num('6.0'), 'x'] }, { b: [6n, 'x'], a: new Num('1') }));
  assert(equal(new Num('1e2'), 100) && equal(new Num('-0.0'), 0));
  assert(!equal(new Num('9007199254740993'), 9007199254740992));
  assert(!equal([1], { 0: 1 }) && !equal(null, 0) && !equal('1', 1) && !equal({ a: 1 }, { b: 1 }));
});

test('members_of_any_name_are_data', () => {
  const text = '{"__proto__":{"x":1},"constructor":2,"n":12345678901234567890}';
  for (const made of [parse(text), copy(parse(text)), parse('{"__proto__":{"x":1},"constructor":2,"n":1}')]) {
    assert.equal(Object.getPrototypeOf(made), Object.prototype);
    assert.deepEqual(Object.keys(made as Members), ['__proto__', 'constructor', 'n']);
  }
  assert.equal(write(copy(parse(text))), text);
});

test('a_receipt_is_a_value', () => {
  const text =
    'result=saved, version=8, base=6;missing, won=("/issue";replaced=7;author="u3"), merged=("/timeline";added=1;removed=0;changed=2 %"/%e7%9b%ae"), kept=("/a\\"b"), omitted=3';
  assert.deepEqual(
    { ...parseReceipt(text) },
    {
      result: 'saved',
      version: 8,
      base: 6,
      baseMissing: true,
      won: [{ pointer: '/issue', replaced: 7, author: 'u3' }],
      taken: [],
      merged: [{ pointer: '/timeline', added: 1, removed: 0, changed: 2 }, { pointer: '/目' }],
      kept: [{ pointer: '/a"b' }],
      omitted: 3,
    },
  );
  for (const none of [
    null,
    '',
    'result=saved',
    'result=saved, version',
    'result=done, version=1',
    'result=(',
    'result=saved, version=2,',
  ]) {
    assert.equal(parseReceipt(none), undefined, String(none));
  }
});

test('an_edit_sends_what_differs_and_what_was_seen', async () => {
  const { client: ripple, sent } = client(
    ok({ ...RECORD, note: 'n', same: [1] }, { etag: '"t"' }),
    saved({ ...RECORD, goal: 'B', version: 2 }),
  );
  const prj = ripple.resource<Members>('prj');
  const record = await prj.get('p1');
  assert.deepEqual([record.etag, record.updated, record.version], ['"t"', { at: 5, by: 'dev' }, 1]);
  const { record: after, receipt } = await prj.edit(record, (draft) => {
    Object.assign(draft, { goal: 'B', fresh: null });
    delete (draft as { note?: Json }).note;
  });
  assert.equal(
    sent[1]?.body,
    '{"version":1,"seen":{"goal":"A","note":"n"},"set":{"goal":"B","fresh":null},"remove":["note"]}',
  );
  assert.equal(sent[1].headers.get('content-type'), 'application/vnd.ripple.edit+json');
  assert.match(sent[1].headers.get('idempotency-key') ?? '', /^[\w-]{22}$/);
  assert.deepEqual([after.value.goal, receipt.version, ripple.session], ['B', 2, 'next']);
  assert.equal(record.value.goal, 'A', 'a record is a value');
  assert.throws(() => Object.assign(record.value, { goal: 'C' }), TypeError);
});

test('a_resource_has_the_names_that_its_file_chose', async () => {
  const task = { ref: '_a/b', version: 'mine', rev: 3, steps: [{ step: '1' }] };
  const { client: ripple, sent } = client(ok(task), saved(task));
  const tasks = ripple.resource<Members>('task', { key: 'ref', members: { version: 'rev' } });
  const record = await tasks.get('_a/b');
  assert.deepEqual([record.id, record.version, record.value.version], ['_a/b', 3, 'mine']);
  await tasks.edit(record, (draft) => void Object.assign(draft, { version: 'new' }));
  assert.match(sent[0]?.url ?? '', /\/prod\/task\/%5Fa%2Fb$/);
  assert.equal(sent[1]?.body, '{"rev":3,"seen":{"version":"mine"},"set":{"version":"new"},"remove":[]}');
});

test('types_of_records_are_those_of_the_caller', async () => {
  interface Garden {
    readonly prj_id: string;
    readonly goal: string;
    readonly tags: readonly string[];
    readonly size?: number | Num;
  }
  const { client: ripple, sent } = client(saved({ ...RECORD, tags: ['a'] }), saved(RECORD));
  const gardens = ripple.resource<Garden, Omit<Garden, 'prj_id'>>('prj');
  const { record } = await gardens.create({ goal: 'A', tags: ['a'] });
  await gardens.edit(record, (draft) => {
    draft.tags.push('b');
    draft.size = new Num('9007199254740993');
    // @ts-expect-error: a goal is a text
    draft.goal satisfies number;
  });
  assert.equal(
    sent[1]?.body,
    '{"version":1,"seen":{"tags":["a"]},"set":{"tags":["a","b"],"size":9007199254740993},"remove":[]}',
  );
});

test('every_try_of_a_write_is_the_same', async () => {
  const {
    client: ripple,
    sent,
    waits,
  } = client(
    NETWORK,
    problem(502, 'bad_gateway'),
    problem(503, 'unavailable', {}, { 'retry-after': '7' }),
    saved(RECORD),
  );
  await ripple.resource('prj').create({ goal: 'A' });
  assert.equal(new Set(sent.map(({ body, headers }) => `${body} ${headers.get('idempotency-key')}`)).size, 1);
  assert.equal(sent.length, 4);
  assert.equal(waits[2], 7000);
});

test('four_tries_without_an_answer_are_all_and_leave_the_outcome_unknown', async () => {
  const { client: ripple, sent } = client(NETWORK, NETWORK, NETWORK, NETWORK);
  const error = await caught(ripple.resource('prj').create({ goal: 'A' }));
  assert.deepEqual([error.status, error.outcome, sent.length], [0, 'unknown', 4]);
});

test('a_refusal_is_final_and_says_which_field_is_at_fault', async () => {
  const errors = [{ pointer: '/goal', detail: 'must be a text' }];
  const { client: ripple, sent } = client(problem(400, 'invalid_body', { errors }, { 'x-request-id': 'r1' }));
  const error = await caught(ripple.resource('prj').create({ goal: 7 }));
  assert.deepEqual(
    [error.status, error.code, error.outcome, error.requestId, sent.length],
    [400, 'invalid_body', 'not_made', 'r1', 1],
  );
  assert.deepEqual([...error.fields], [['/goal', 'must be a text']]);
});

test('a_refusal_after_a_try_without_an_answer_leaves_the_outcome_unknown', async () => {
  const { client: ripple } = client(NETWORK, problem(412, 'precondition_failed'));
  const error = await caught(ripple.resource('prj').delete('p1'));
  assert.deepEqual([error.status, error.outcome], [412, 'unknown']);
});

test('a_creation_that_exists_after_a_try_without_an_answer_was_made', async () => {
  const { client: ripple } = client(NETWORK, problem(409, 'exists'), ok({ ...RECORD, version: 1 }));
  assert.equal((await ripple.resource('prj').create({ goal: 'A' })).receipt.result, 'created');
  const { client: other } = client(NETWORK, problem(409, 'exists'));
  const error = await caught(other.resource('prj').create({ goal: 'A' }, { id: 'chosen' }));
  assert.deepEqual([error.code, error.outcome], ['exists', 'unknown']);
});

test('a_deletion_of_what_is_gone_after_a_try_without_an_answer_was_made', async () => {
  const { client: ripple } = client(NETWORK, problem(410, 'gone', { version: 4 }));
  const { receipt } = await ripple.resource('prj').delete('p1');
  assert.deepEqual([receipt.result, receipt.version], ['deleted', 4]);
});

test('a_page_of_a_portal_is_no_answer', async () => {
  const page =
    (status: number): (() => Response) =>
    () =>
      new Response('<html>', { status });
  const forged = (): Response => ok(RECORD); // without a receipt
  const { client: ripple, sent } = client(page(200), forged, page(302), page(404));
  const error = await caught(ripple.resource('prj').create({ goal: 'A' }));
  assert.deepEqual([error.status, error.outcome, sent.length], [0, 'unknown', 4]);
});

test('a_read_that_is_no_record_is_no_answer', async () => {
  for (const body of [{ login: true }, [], { prj_id: null }]) {
    const error = await caught(client(ok(body)).client.resource('prj').get('p1'));
    assert.deepEqual([error.status, error.code], [0, 'no_answer']);
  }
});

test('a_refused_key_is_final', async () => {
  for (const reply of [problem(403, 'forbidden'), new Response('{"message":"Forbidden"}', { status: 403 })]) {
    const error = await caught(client(reply).client.resource('prj').create({ goal: 'A' }));
    assert.deepEqual([error.status, error.outcome], [403, 'not_made']);
  }
});

test('a_refused_session_is_dropped', async () => {
  const refusal = problem(400, 'invalid_request', { errors: [{ header: 'ripple-session', detail: 'is no token' }] });
  const { client: ripple, sent } = client(refusal, ok(RECORD));
  ripple.session = 'x';
  await ripple.resource('prj').get('p1');
  assert.deepEqual(
    sent.map(({ headers }) => headers.get('ripple-session')),
    ['x', null],
  );
  assert.equal(ripple.session, undefined);
});

test('a_list_follows_its_links_below_the_address_of_the_client', async () => {
  const { client: ripple, sent } = client(
    ok([RECORD], { link: '<prj?limit=1&cursor=c>; rel="next"', age: '3' }),
    ok([{ ...RECORD, prj_id: 'p2' }]),
  );
  const records = await ripple
    .resource('prj')
    .list({ q: 'a b', sort: ['-updated_at', 'name'], limit: 1, where: { done: true } })
    .all();
  assert.deepEqual(
    records.map(({ id }) => id),
    ['p1', 'p2'],
  );
  assert.deepEqual(
    sent.map(({ url }) => url),
    [
      'http://ripple.example/prod/prj?q=a+b&sort=-updated_at%2Cname&limit=1&done=true',
      'http://ripple.example/prod/prj?limit=1&cursor=c',
    ],
  );
  const conditions = client(ok([], { 'ripple-count': '7' }), ok([]));
  const where = { term: { gte: 3, lt: 12 }, name: { in: ['a,b', '\\', 1n] }, '/a/b': { exists: false } };
  assert.equal(await conditions.client.resource('prj').count({ where, deleted: true }), 7);
  assert.deepEqual(
    [...new URL(conditions.sent[0]?.url ?? '').searchParams],
    [
      ['fields', 'version'],
      ['limit', '1'],
      ['count', 'true'],
      ['deleted', 'true'],
      ['term[gte]', '3'],
      ['term[lt]', '12'],
      ['name[in]', 'a\\,b,\\\\,1'],
      ['/a/b[exists]', 'false'],
    ],
  );
  assert.equal(await conditions.client.resource('prj').count(), NaN, 'an earlier ripple does not count');
  const away = client(ok([RECORD], { link: '<https://elsewhere.example/prj>; rel="next"' }));
  await caught(away.client.resource('prj').list().all());
  assert.equal(away.sent.length, 1, 'the key goes to no other server');
  const cut = client(ok([RECORD, { ...RECORD, prj_id: 'p2' }]));
  await assert.rejects(cut.client.resource('prj').list().all(1), RangeError);
});

test('a_record_of_some_fields_cannot_be_edited', async () => {
  const { client: ripple, sent } = client(ok([{ prj_id: 'p1', goal: 'A', version: 3 }]));
  const [record] = await ripple
    .resource('prj')
    .list({ fields: ['goal'] })
    .all();
  assert(record);
  assert.equal(record.version, 3);
  assert.match(sent[0]?.url ?? '', /fields=goal%2Cversion/);
  await assert.rejects(
    ripple.resource('prj').edit(record, () => undefined),
    TypeError,
  );
});

test('changes_are_told_once_and_the_cursor_follows_them', async () => {
  const page = (changed: unknown[], deleted: string[], cursor: string, headers = {}): Response =>
    ok({ changed, deleted, cursor }, headers);
  const { client: ripple, sent } = client(
    page([RECORD, { ...RECORD, prj_id: 'p2' }], [], 'c1', { link: '<_changes?since=c1>; rel="next"' }),
    page(
      [
        { ...RECORD, version: 2 },
        { ...RECORD, prj_id: 'p2' },
      ],
      ['p3'],
      'c2',
    ),
  );
  const found: Change<Members>[] = [];
  const changes = ripple.resource('prj').changes();
  for await (const change of changes) found.push(change);
  assert.deepEqual(
    found.map(({ id, version, deleted, cursor }) => [id, version, deleted, cursor]),
    [
      ['p1', 1, false, undefined],
      ['p2', 1, false, 'c1'],
      ['p1', 2, false, 'c1'],
      ['p3', undefined, true, 'c2'],
    ],
  );
  assert.equal(changes.cursor, 'c2');
  assert.match(sent[1]?.url ?? '', /\/prod\/prj\/_changes\?since=c1$/);
});

test('a_reader_that_stops_is_told_its_last_change_again', async () => {
  const page = (): Response => ok({ changed: [RECORD, { ...RECORD, prj_id: 'p2' }], deleted: [], cursor: 'c' });
  const { client: ripple } = client(page, page);
  const changes = ripple.resource('prj').changes();
  for await (const { id } of changes) if (id === 'p2') break;
  const again: string[] = [];
  for await (const { id } of changes) again.push(id);
  assert.deepEqual(again, ['p2']);
});

test('changes_wait_where_the_host_holds_requests_and_ask_at_intervals_elsewhere', async () => {
  const none =
    (headers = {}) =>
    (): Response =>
      ok({ changed: [], deleted: [], cursor: 'c' }, headers);
  const held = { 'preference-applied': 'wait=25' };
  const change = (): Response => ok({ changed: [RECORD], deleted: [], cursor: 'd' });
  const holding = client(none(held), none(held), change);
  for await (const { id } of holding.client.resource('prj').changes({ since: 'c', wait: 60 })) {
    assert.equal(id, 'p1');
    break;
  }
  assert.deepEqual(holding.waits, []);
  assert.deepEqual(
    holding.sent.map(({ headers }) => headers.get('prefer')),
    ['wait=25', 'wait=25', 'wait=25'],
  );
  const polled = client(none(), none(), change);
  for await (const _ of polled.client.resource('prj').changes({ since: 'c', wait: 25 })) break;
  assert.deepEqual(polled.waits, [5000, 5000]);
  assert.deepEqual(
    polled.sent.map(({ headers }) => headers.get('prefer')),
    ['wait=25', null, null],
  );
});

test('an_aborted_call_says_what_is_known', async () => {
  const controller = new AbortController();
  const { client: ripple } = client(() => {
    controller.abort();
    throw new DOMException('aborted', 'AbortError');
  });
  const error = await caught(ripple.resource('prj').create({ goal: 'A' }, { signal: controller.signal }));
  assert.deepEqual([error.code, error.outcome], ['aborted', 'unknown']);
});

test('the_author_is_a_string_or_a_display_string', async () => {
  const sent: (string | null)[] = [];
  const answering: typeof fetch = async (_, init = {}) => {
    sent.push(new Headers(init.headers).get('ripple-author'));
    return saved(RECORD);
  };
  for (const author of [{ name: 'Bo "B"' }, { name: 'Bo Müller', id: 'u7' }]) {
    await new Client('http://ripple.example', { key: 'k', author, fetch: answering }).resource('prj').create({});
  }
  assert.deepEqual(sent, ['"Bo \\"B\\""', '%"Bo M%c3%bcller";id="u7"']);
});

test('ids_are_of_version_7_and_grow_with_the_time', () => {
  assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(uuid(0x0123456789ab).slice(0, 13), '01234567-89ab');
  assert.notEqual(uuid(1), uuid(1));
});

test('new_entries_of_lists_get_ids', () => {
  const seen = { steps: [{ id: 'a', text: '1' }], plain: [{ x: 1 }], tags: ['t'] };
  const set = {
    steps: [{ id: 'a', text: '1' }, { id: 'a', text: '1' }, { text: '2' }, { id: '', text: '3' }],
    plain: [{ x: 2 }],
    tags: ['t', 'u'],
    deep: { list: [{ text: '4' }] },
  };
  const named = nameEntries({ seen, set, remove: [] }, () => 'id').set as typeof set;
  const ids = named.steps.map(({ id }) => id);
  assert.equal(ids[0], 'a');
  assert.equal(new Set(ids).size, 4);
  assert.deepEqual(named.plain, [{ x: 2 }], 'entries without ids that were changed in their places stay without');
  assert.deepEqual(named.tags, ['t', 'u']);
  assert('id' in (named.deep.list[0] as object));
  assert.deepEqual(nameEntries({ seen, set, remove: [] }, () => false).set, set);
});

test('a_key_of_two_members_is_one_id', () => {
  const id = pairOf('no', 'at');
  assert.equal(id({ no: 7, at: '2026-01-01' }), '7,2026-01-01');
  assert.equal(id({ no: new Num('12345678901234567890'), at: -0.5 }), '12345678901234567890,-0.5');
  assert.equal(id({ no: 7, at: 'a b' }), '7,_~YSBi');
  assert.equal(id({ no: '_x', at: '..' }), '_~X3g,_~Li4');
  assert.equal(id({ no: 7 }), undefined);
});

test('a_record_with_a_sort_key_has_its_address', async () => {
  const asked: string[] = [];
  const client = new Client('http://ripple.example', {
    key: 'k',
    fetch: async (input) => {
      asked.push(String(input));
      const headers = { 'ripple-receipt': 'result=created, version=1' };
      return new Response('{"no":7,"at":"a b","version":1}', { headers });
    },
  });
  const meters = client.resource('meter', { key: 'no', id: pairOf('no', 'at') });
  const { record } = await meters.create({ no: 7, at: 'a b' });
  assert.equal(record.id, '7,_~YSBi');
  await meters.edit(record, (draft) => void (draft.place = 'Hall'));
  await meters.version('_~YSBi,1', 3);
  const base = 'http://ripple.example/meter';
  assert.deepEqual(asked, [base, `${base}/7,_~YSBi`, `${base}/_~YSBi,1/versions/3`]);
});
