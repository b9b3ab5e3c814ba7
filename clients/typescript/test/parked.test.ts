/** What the server refused: it is parked with its text, and sent again only as its author wants. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Problem, type Members } from '../src/index.ts';
import { parse } from '../src/json.ts';
import { MemoryStore } from '../src/outbox/memory.ts';
import { NETWORK, refused, saved, start } from './played.ts';

test('a_refused_write_is_parked_with_its_text_and_can_be_corrected', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  const { record, n } = await prj.create({ goal: 7 });
  (await server.next()).answer(
    refused(400, 'invalid_body', { errors: [{ pointer: '/goal', detail: 'must be a text' }] }),
  );
  const entry = await parked();
  assert.deepEqual([entry.n, entry.set.goal, entry.problem?.fields], [n, 7, { '/goal': 'must be a text' }]);
  assert.equal(outbox.state.parked, 1);
  assert.equal(prj.view(record?.id ?? '')?.value.goal, 7, 'its author still sees it');
  await assert.rejects(prj.resend(99), Problem);
  await prj.resend(entry.n, (draft) => void Object.assign(draft, { goal: 'A' }));
  const again = await server.next();
  assert.equal((parse(again.body ?? '') as Members).goal, 'A');
  again.answer(saved({ prj_id: record?.id, goal: 'A' }, 1));
  await outbox.drained();
  assert.deepEqual(outbox.entries(), []);
});

test('a_parked_edit_is_made_anew_on_what_its_author_is_shown', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  const reading = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', tags: ['a'], goal: 'A' }, 1));
  const record = await reading;
  const { n = 0 } = await prj.edit(record, (draft) => void Object.assign(draft, { tags: ['a', 'mine'] }));
  (await server.next()).answer(refused(413, 'record_too_large'));
  await parked();
  assert.deepEqual(prj.view('p1')?.value.tags, ['a'], 'what was refused is not shown as the record');
  await prj.learn({ ...record, value: { prj_id: 'p1', tags: ['a', 'theirs'] }, version: 2 });
  await prj.resend(n);
  const again = await server.next();
  assert.deepEqual(parse(again.body ?? ''), {
    version: 2,
    seen: { tags: ['a', 'theirs'] },
    set: { tags: ['a', 'mine', 'theirs'] },
    remove: [],
  });
  again.answer(saved({ prj_id: 'p1' }, 3));
  await outbox.drained();
  assert.equal(await outbox.drop(n), false);
});

test('a_parked_order_is_sent_again', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  const reading = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', tags: ['a', 'b'] }, 1));
  const record = await reading;
  const { n = 0 } = await prj.edit(record, (draft) => void Object.assign(draft, { tags: ['b', 'a'] }));
  (await server.next()).answer(refused(410, 'gone'));
  await parked();
  await prj.resend(n, undefined, record);
  const again = await server.next();
  assert.deepEqual((parse(again.body ?? '') as Members).set, { tags: ['b', 'a'] });
  again.answer(saved({ prj_id: 'p1' }, 3));
  await outbox.drained();
});

test('a_refused_deletion_is_sent_again_as_it_is_or_not_at_all', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  const reading = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'A' }, 3));
  const record = await reading;
  await prj.delete(record);
  (await server.next()).answer(refused(412, 'precondition_failed'));
  const { n } = await parked();
  const corrected = prj.resend(n, (draft) => void Object.assign(draft, { goal: 'B' }));
  await assert.rejects(corrected, TypeError, 'a correction is no deletion');
  assert.deepEqual([outbox.state.parked, outbox.state.queued, server.idle], [1, 0, true]);
  await prj.learn({ ...record, version: 4 });
  await prj.resend(n);
  const again = await server.next();
  assert.deepEqual([again.method, again.body], ['DELETE', '{"version":4}']);
  again.answer(new Response(null, { status: 204, headers: { 'ripple-receipt': 'result=deleted, version=5' } }));
  await outbox.drained();
});

test('a_refused_edit_is_corrected_on_what_its_author_was_shown', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  const reading = prj.get('p1');
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'A', issue: 'Snails' }, 1));
  const record = await reading;
  const { n = 0 } = await prj.edit(record, (draft) => void Object.assign(draft, { goal: 7 }));
  (await server.next()).answer(refused(400, 'invalid_body'));
  await parked();
  await prj.learn({ ...record, value: { prj_id: 'p1', goal: 'B', issue: 'Slugs' }, version: 2 });
  await prj.resend(n, (draft) => void Object.assign(draft, { goal: 'C', issue: 'Snails' }), record);
  const again = await server.next();
  assert.deepEqual(parse(again.body ?? ''), { version: 1, seen: { goal: 'A' }, set: { goal: 'C' }, remove: [] });
  again.answer(saved({ prj_id: 'p1', goal: 'C', issue: 'Slugs' }, 3));
  await outbox.drained();
});

test('a_creation_whose_id_another_client_has_chosen_too_is_parked_with_its_text', async () => {
  const { server, outbox, parked } = await start();
  const prj = outbox.resource<Members>('prj');
  await prj.create({ goal: 'hers' }, { id: 'p1' });
  (await server.next()).answer(NETWORK);
  (await server.next()).answer(refused(409, 'exists'));
  (await server.next()).answer(saved({ prj_id: 'p1', goal: 'his' }, 1));
  const { set, problem } = await parked();
  assert.deepEqual([set.goal, problem?.code, problem?.outcome], ['hers', 'exists', 'unknown']);
  assert.equal(prj.view('p1')?.value.goal, 'hers', 'its author still sees it');
  // Deleted before it could be read, the record is no proof either.
  await prj.create({ goal: 'hers' }, { id: 'p2' });
  (await server.next()).answer(NETWORK);
  (await server.next()).answer(refused(409, 'exists'));
  (await server.next()).answer(refused(410, 'gone', { version: 2 }));
  assert.equal((await parked()).set.goal, 'hers');
  // A record that has what was written is as good as a receipt.
  await prj.create({ goal: 'hers' }, { id: 'p3' });
  (await server.next()).answer(NETWORK);
  (await server.next()).answer(refused(409, 'exists'));
  (await server.next()).answer(saved({ prj_id: 'p3', goal: 'hers', more: 1 }, 2));
  await outbox.drained();
  assert.deepEqual([outbox.state.parked, prj.view('p3')?.version], [2, 2]);
});

test('a_creation_that_an_earlier_client_has_stored_is_read_and_compared', async () => {
  const store = new MemoryStore();
  const first = await start({ store });
  await first.outbox.resource<Members>('prj').create({ goal: 'hers' });
  await first.server.next();
  await first.outbox.close();
  const { revision, rows } = await store.load();
  const put = rows.map((row) => ({ ...row, text: row.text.replace('"own_id":true,', '') }));
  assert.notDeepEqual(put, rows);
  await store.commit({ put, strict: true }, revision);
  const { server, parked } = await start({ store });
  (await server.next()).answer(refused(409, 'exists'));
  const read = await server.next();
  read.answer(saved({ prj_id: read.path.split('/')[2], goal: 'his' }, 1));
  assert.deepEqual((await parked()).set.goal, 'hers');
});
