/** The time of the server, which tells how old a request is that may have been made. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Members } from '../src/index.ts';
import { MemoryStore } from '../src/outbox/memory.ts';
import { NETWORK, saved, start } from './played.ts';

test('what_was_sent_is_not_sent_again_before_the_server_has_told_the_time', async () => {
  const store = new MemoryStore();
  const first = await start({ store });
  const prj = first.outbox.resource<Members>('prj');
  await prj.create({ goal: 'A' });
  await prj.create({ goal: 'B' });
  await first.server.next();
  await first.server.next();
  assert.equal(first.server.asked, 1, 'all entries wait for one answer');
  assert.deepEqual(
    first.outbox.entries().map(({ sent_after }) => sent_after),
    [first.server.date, first.server.date],
    'the first request of a session has a time too',
  );
  await first.outbox.close();
  const second = await start({ store, paused: true });
  second.server.up = false;
  second.outbox.pause(false);
  while (!second.server.asked) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([second.server.idle, second.outbox.state.uncertain], [true, 2]);
  second.server.up = true;
  second.server.date = (first.server.date as number) + 90 * 86_400_000;
  while (second.outbox.state.parked < 2) {
    second.outbox.resume();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    [second.server.idle, ...second.outbox.entries().map(({ problem }) => problem?.code)],
    [true, 'too_old', 'too_old'],
  );
});

test('after_a_time_without_a_network_the_time_is_asked_for_again', async () => {
  const { server, outbox, parked } = await start();
  await outbox.resource<Members>('prj').create({ goal: 'A' });
  (await server.next()).answer(NETWORK);
  server.date = (server.date as number) + 90 * 86_400_000; // the program has tried all the while
  assert.equal((await parked()).problem?.code, 'too_old');
  assert(server.idle);
});

test('a_server_that_tells_no_time_gets_what_waits_all_the_same', async () => {
  const { server, outbox } = await start();
  server.date = undefined;
  const prj = outbox.resource<Members>('prj');
  const { record } = await prj.create({ goal: 'A' });
  (await server.next()).answer(saved({ prj_id: record?.id }, 1));
  await outbox.drained();
  await prj.create({ goal: 'B' });
  await server.next();
  assert.equal(server.asked, 1);
});

test('the_time_of_a_portal_does_not_count', async () => {
  const { server, outbox, client } = await start();
  const { record } = await outbox.resource<Members>('prj').create({ goal: 'A' });
  const portal = new Response('<html>Log in</html>', { headers: { date: 'Fri, 01 Jan 2100 00:00:00 GMT' } });
  (await server.next()).answer(portal);
  (await server.next()).answer(saved({ prj_id: record?.id }, 1));
  await outbox.drained();
  assert.equal(client.transport.date, server.date);
});
