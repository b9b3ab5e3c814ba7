/** The outbox on a server that the test plays. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Problem, type Json, type Members } from '../src/index.ts';
import { databaseName, type Batch } from '../src/outbox.ts';
import { parse } from '../src/json.ts';
import { MemoryStore } from '../src/outbox/memory.ts';
import { NETWORK, refused, saved, start } from './played.ts';

test('a_write_is_durable_before_it_is_sent_and_shown_at_once', async () => {
  const store = new MemoryStore();
  const { server, outbox, client } = await start({ store });
  const prj = outbox.resource<Members>('prj');
  const { record, result } = await prj.create({ goal: 'A', steps: [{ text: '1' }] });
  assert.equal((await store.load()).rows.length, 1);
  assert(record);
  assert.deepEqual([result, record.version, record.pending, record.value.goal], ['queued', 0, 1, 'A']);
  const request = await server.next();
  assert.deepEqual([request.method, request.path, request.headers.get('ripple-claim-days')], ['POST', '/prj', '90']);
  assert.equal(request.headers.get('ripple-author'), '"Bo";id="u7"');
  const body = parse(request.body ?? '') as { prj_id: string; steps: { id: string }[] };
  assert.equal(body.prj_id, record.id);
  assert(body.steps[0]?.id, 'the client names new entries');
  const edited = await prj.edit(record, (draft) => void Object.assign(draft, { goal: 'B' }));
  assert.deepEqual([edited.record?.value.goal, edited.record?.pending], ['B', 2]);
  request.answer(saved(body, 1, 201));
  const second = await server.next();
  assert.equal(second.body, '{"version":1,"seen":{"goal":"A"},"set":{"goal":"B"},"remove":[]}');
  second.answer(saved({ ...body, goal: 'B' }, 2));
  await outbox.drained();
  assert.deepEqual([prj.view(record.id)?.version, prj.view(record.id)?.pending, client.session], [2, 0, 's2']);
  const [row] = (await store.load()).records;
  assert.equal(row?.[0], `prj/${record.id}`);
});

test('a_write_names_the_version_as_the_file_of_the_resource_does', async () => {
  const { server, outbox } = await start();
  const tasks = outbox.resource<Members>('task', { key: 'ref', members: { version: 'rev' } });
  const record = { id: 'a', value: { ref: 'a', version: 'mine' }, version: 3, updated: {}, pending: 0 };
  await tasks.edit(record, (draft) => void Object.assign(draft, { version: 'new' }));
  const edit = await server.next();
  assert.equal(edit.body, '{"rev":3,"seen":{"version":"mine"},"set":{"version":"new"},"remove":[]}');
  edit.answer(saved({ ref: 'a', rev: 4 }, 4));
  await outbox.drained();
  await tasks.delete({ ...record, version: 4 });
  const deletion = await server.next();
  assert.equal(deletion.body, '{"rev":4}');
  deletion.answer(new Response(null, { status: 204, headers: { 'ripple-receipt': 'result=deleted, version=5' } }));
  await outbox.drained();
});

test('a_clock_that_is_moved_back_delays_no_try', { timeout: 30_000 }, async () => {
  const { server, outbox } = await start({ onState: () => undefined });
  await outbox.resource<Members>('prj').create({ goal: 'A' });
  const request = await server.next();
  const rightNow = Date.now;
  try {
    request.answer(NETWORK);
    await outbox.refresh(); // the failure is dealt with
    Date.now = () => rightNow() - 86_400_000;
    const again = await server.next();
    assert.equal(again.body, request.body);
    again.answer(saved(parse(request.body ?? '') as Members, 1, 201));
    await outbox.drained();
  } finally {
    Date.now = rightNow;
  }
});

test('what_a_program_was_sending_when_it_ended_is_sent_again_unchanged', async () => {
  const store = new MemoryStore();
  const first = await start({ store });
  const { record } = await first.outbox.resource<Members>('prj').create({ goal: 'A' });
  const request = await first.server.next();
  assert.equal(await first.outbox.close(), 1);
  const second = await start({ store });
  const again = await second.server.next();
  assert.deepEqual(
    [again.body, again.headers.get('idempotency-key')],
    [request.body, request.headers.get('idempotency-key')],
  );
  // The first request was made, and its claim is gone.
  again.answer(refused(409, 'exists'));
  const read = await second.server.next();
  assert.deepEqual([read.method, read.path], ['GET', `/prj/${record?.id}`]);
  read.answer(saved({ prj_id: record?.id, goal: 'A' }, 1));
  await second.outbox.drained();
  assert.deepEqual(second.outbox.entries(), []);
});

test('a_deletion_names_the_version_and_is_done_if_the_record_is_gone_after_a_lost_answer', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  const reading = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'A' }, 4));
  const record = await reading;
  await prj.delete(record);
  assert.equal(prj.view('p1'), undefined);
  const request = await server.next();
  assert.deepEqual([request.method, request.body], ['DELETE', '{"version":4}']);
  request.answer(NETWORK);
  (await server.next()).answer(refused(410, 'gone', { version: 5 }));
  await outbox.drained();
  assert.deepEqual(outbox.entries(), []);
  assert.equal(prj.view('p1'), undefined);
  await prj.delete(record);
  (await server.next()).answer(refused(412, 'precondition_failed'));
  assert.equal((await parked()).problem?.code, 'precondition_failed');
});

test('a_refused_key_stops_the_queue_and_parks_nothing', async () => {
  let stopped: (() => void) | undefined;
  const stop = new Promise<void>((resolve) => (stopped = resolve));
  const { server, outbox, client } = await start({ onState: (state) => state.stopped && stopped?.() });
  const prj = outbox.resource<Members>('prj');
  const { record } = await prj.create({ goal: 'A' });
  const first = await server.next();
  first.answer(refused(403, 'forbidden'));
  await stop;
  await prj.create({ goal: 'B' });
  assert.deepEqual(
    [outbox.state.parked, outbox.state.queued, outbox.state.stopped?.code, server.idle],
    [0, 2, 'forbidden', true],
  );
  client.key = 'new';
  outbox.resume();
  const again = await server.next();
  assert.deepEqual([again.headers.get('x-api-key'), again.body], ['new', first.body]);
  again.answer(saved({ prj_id: record?.id }, 1));
});

test('a_page_of_a_portal_is_no_answer', async () => {
  const { server, outbox } = await start();
  const { record } = await outbox.resource<Members>('prj').create({ goal: 'A' });
  (await server.next()).answer(new Response('<html>Log in</html>'));
  const again = await server.next();
  assert.equal(outbox.state.parked, 0);
  again.answer(saved({ prj_id: record?.id }, 1));
  await outbox.drained();
});

test('entries_of_other_accounts_and_later_formats_are_left_alone', async () => {
  const store = new MemoryStore();
  const other = await start({ store, account: 'ann' });
  await other.outbox.resource('prj').create({ goal: 'hers' });
  await other.server.next();
  await other.outbox.close();
  const { revision } = await store.load();
  await store.commit({ put: [{ n: 50, rev: 1, text: '{"format":2}' }], next: 51, strict: true }, revision);
  const { outbox, server } = await start({ store });
  assert.deepEqual([outbox.entries(), outbox.state.foreign, server.idle], [[], 2, true]);
  const exported = JSON.parse(outbox.export()) as Json[];
  assert.equal(exported.length, 2);
  await outbox.resource('prj').create({ goal: 'his' });
  assert.deepEqual(
    outbox.entries().map(({ n }) => n),
    [51],
  );
  await server.next();
  assert.notEqual(databaseName('https://a.example/x', 'bo'), databaseName('https://a.example', 'ann'));
  assert.equal(databaseName('https://a.example/x', 'bo'), databaseName('https://a.example', 'bo'));
});

test('entries_go_to_no_other_address_unless_their_author_agrees', async () => {
  const store = new MemoryStore();
  const first = await start({ store });
  await first.outbox.resource('prj').create({ goal: 'A' });
  await first.server.next();
  await first.outbox.close();
  const { outbox, server } = await start({ store, url: 'http://elsewhere.example' });
  assert.deepEqual([outbox.state.stopped?.code, server.idle], ['address', true]);
  await outbox.resource('prj').create({ goal: 'B' });
  await outbox.close();
  const again = await start({ store, url: 'http://elsewhere.example' });
  assert.deepEqual([again.outbox.state.stopped?.code, again.server.idle], ['address', true]);
  again.outbox.resume();
  await again.server.next();
});

test('what_was_known_of_another_address_is_forgotten', async () => {
  const store = new MemoryStore();
  const first = await start({ store });
  const reading = first.outbox.resource<Members>('prj').get('p1');
  (await first.server.next()).answer(saved({ prj_id: 'p1', goal: 'A' }, 9));
  await reading;
  const { record } = await first.outbox.resource<Members>('prj').create({ goal: 'B' });
  (await first.server.next()).answer(saved({ prj_id: record?.id }, 1));
  await first.outbox.drained();
  await first.outbox.close();
  const { outbox, client } = await start({ store, url: 'http://elsewhere.example' });
  assert.deepEqual(
    [outbox.resource('prj').records(), client.session, outbox.state.stopped],
    [[], undefined, undefined],
  );
});

test('an_entry_that_makes_the_sender_throw_is_parked_and_the_others_go_on', async () => {
  const { server, outbox, parked, client } = await start();
  const prj = outbox.resource<Members>('prj');
  Object.assign(client, { author: { name: 'a', id: 'a\nb' } }); // no header may hold it
  await prj.create({ goal: 'poison' });
  Object.assign(client, { author: undefined });
  const { record } = await prj.create({ goal: 'A' });
  (await server.next()).answer(saved({ prj_id: record?.id }, 1));
  const entry = await parked();
  assert.deepEqual([entry.set.goal, entry.problem?.code], ['poison', 'poison']);
});

test('a_store_without_room_refuses_the_write_and_gives_up_copies_first', async () => {
  class Full extends MemoryStore {
    room = 1;
    override async commit(batch: Batch, revision: number): Promise<boolean> {
      if (batch.forget?.length) this.room++;
      if (batch.put?.length) {
        if (this.room <= 0) throw new DOMException('full', 'QuotaExceededError');
        this.room--;
      }
      return super.commit(batch, revision);
    }
  }
  const store = new Full();
  const { outbox, server } = await start({ store });
  const prj = outbox.resource<Members>('prj');
  const reading = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'A' }, 1));
  await reading;
  store.room = 0;
  await prj.create({ goal: 'B' }); // in the place of the copy
  const error = await prj.create({ goal: 'C' }).catch((cause: unknown) => cause);
  assert(error instanceof Problem);
  assert.deepEqual([error.code, outbox.entries().length], ['storage_full', 1]);
  store.room = 100;
});

test('a_write_that_is_too_large_is_refused_at_once', async () => {
  const { outbox } = await start();
  const error = await outbox
    .resource('prj')
    .create({ goal: 'x'.repeat(1_000_001) })
    .catch((cause: unknown) => cause);
  assert(error instanceof Problem);
  assert.deepEqual([error.code, outbox.entries().length], ['body_too_large', 0]);
});

test('without_a_network_a_read_shows_what_the_device_knows', async () => {
  const { outbox, server } = await start();
  const prj = outbox.resource<Members>('prj');
  const learning = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'A' }, 1));
  const record = await learning;
  await prj.edit(record, (draft) => void Object.assign(draft, { goal: 'B' }));
  const request = await server.next();
  const reading = prj.get('p1', { signal: AbortSignal.abort() });
  const shown = await reading;
  assert.throws(() => Object.assign(shown.value, { goal: 'C' }), TypeError, 'a record is a value');
  assert.deepEqual([shown.value.goal, shown.pending, prj.records().map(({ id }) => id)], ['B', 1, ['p1']]);
  request.answer(saved({ prj_id: 'p1', goal: 'B' }, 2));
  await outbox.drained();
});

test('a_list_shows_own_writes_that_wait', async () => {
  const { outbox, server } = await start();
  const prj = outbox.resource<Members>('prj');
  const learning = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'A' }, 1));
  await prj.edit(await learning, (draft) => void Object.assign(draft, { goal: 'B' }));
  await server.next();
  const listing = prj.list().all();
  (await server.next()).answer(
    new Response('[{"prj_id":"p1","goal":"A","issue":"new","version":2},{"prj_id":"p2","version":1}]'),
  );
  const [first, second] = await listing;
  assert.deepEqual([first?.value, first?.pending, second?.pending], [{ prj_id: 'p1', goal: 'B', issue: 'new' }, 1, 0]);
});

test('outboxes_on_one_store_take_turns_and_lose_nothing', async () => {
  const store = new MemoryStore();
  const [one, other] = [await start({ store }), await start({ store })];
  const [a, b] = [one.outbox.resource<Members>('prj'), other.outbox.resource<Members>('prj')];
  await Promise.all([
    a.create({ goal: '1' }),
    b.create({ goal: '2' }),
    a.create({ goal: '3' }),
    b.create({ goal: '4' }),
  ]);
  const { rows } = await store.load();
  assert.deepEqual(rows.map(({ text }) => ((parse(text) as Members).set as Members).goal).sort(), ['1', '2', '3', '4']);
  assert.deepEqual(
    rows.map(({ n }) => n),
    [1, 2, 3, 4],
  );
});

test('a_paused_outbox_sends_nothing_and_folds_edits', async () => {
  const { server, outbox } = await start({ paused: true });
  const prj = outbox.resource('prj');
  const { record } = await prj.create({ name: 'A' });
  assert(record);
  const edited = await prj.edit(record, (draft) => {
    draft.name = 'B';
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert(server.idle);
  assert.deepEqual([outbox.state.queued, edited.record?.value.name], [1, 'B']);
  outbox.pause(false);
  const sent = await server.next();
  assert.equal(JSON.parse(sent.body ?? '').name, 'B');
});
