/** The live channel against a running ripple. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../../src/index.ts';
import { live, type Event as Change, type Live, type LiveOptions, type Present, type Ticket } from '../../src/live.ts';
import { DAMAGED_KEY, KEY, PROJECT, URL_OF_RIPPLE } from '../environment.ts';
import { opened, sockets } from '../sockets.ts';

const client = new Client(URL_OF_RIPPLE, { key: KEY, author: { name: 'Bo', id: 'u7' } });
const prj = client.resource('prj');

/** A reader that keeps what it heard of one record. */
class Reader {
  readonly heard: Change[] = [];
  readonly channel: Live<unknown>;
  readonly #ended: Promise<void>;
  #wake = (): void => undefined;

  constructor(options: LiveOptions = {}, resource = prj) {
    this.channel = live(resource, options) as Live<unknown>;
    this.#ended = this.#read();
  }

  async #read(): Promise<void> {
    for await (const event of this.channel) {
      this.heard.push(event);
      this.#wake();
    }
  }

  /** Waits for a version of a record, and returns all that were heard of it. */
  async versions(id: string, last: number): Promise<(number | undefined)[]> {
    for (;;) {
      const found = this.heard.filter((event) => event.id === id).map(({ version }) => version);
      if (found.includes(last)) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async close(): Promise<void> {
    this.channel.close();
    await this.#ended;
  }
}

test('a_reader_hears_of_each_version_once_also_over_a_cut', async () => {
  const reader = new Reader();
  await opened(reader.channel);
  const { record: first } = await prj.create(PROJECT);
  let record = first;
  for (let number = 2; number <= 100; number++) {
    if (number === 40) sockets.at(-1)?.close();
    ({ record } = await prj.edit(record, (draft) => void (draft.goal = `goal ${number}`)));
  }
  await prj.edit(first, (draft) => void (draft.goal = 'made on version 1'));
  const versions = await reader.versions(record.id, 101);
  assert.deepEqual(versions, Array.from({ length: 101 }, (_, place) => place + 1));
  const event = reader.heard.filter(({ id }) => id === record.id).at(-1);
  assert.deepEqual(event?.fields, ['/goal']);
  assert.deepEqual(event?.author, { name: 'Bo', id: 'u7' });
  assert.deepEqual(event?.lost, [['/goal', 'u7', 100]]);
  await reader.close();
  assert.equal(reader.channel.state, 'stopped');

  // A later reader goes on where the first one was.
  await prj.delete(record.id);
  const later = new Reader({ since: event?.cursor });
  await later.versions(record.id, 102);
  assert(later.heard.some(({ id, deleted }) => id === record.id && deleted));
  await later.close();
});

test('a_reader_whose_position_is_unknown_reads_the_changes', async () => {
  const changes = prj.changes();
  for await (const _ of changes);
  const { record } = await prj.create(PROJECT);
  const reader = new Reader({ since: `${String(changes.cursor)}~other.7` });
  assert.deepEqual(await reader.versions(record.id, 1), [1]);
  await prj.edit(record, (draft) => void (draft.goal = 'later'));
  assert.deepEqual(await reader.versions(record.id, 2), [1, 2]);
  await reader.close();
});

test('people_on_a_record_hear_of_each_other', async () => {
  const { record } = await prj.create(PROJECT);
  const ann = new Client(URL_OF_RIPPLE, { key: KEY, author: { name: 'Ann', id: 'u1' } }).resource('prj');
  let heard = (_: readonly Present[]): void => undefined;
  const told = new Promise<readonly Present[]>((resolve) => (heard = resolve));
  const readers = [new Reader({ onPresence: (_, who) => who.length > 0 && heard(who) }), new Reader({}, ann)];
  for (const reader of readers) await opened(reader.channel);
  readers[0]?.channel.present({ id: record.id, state: 'view' });
  readers[1]?.channel.present({ id: record.id, state: 'edit', field: '/goal' });
  assert.deepEqual(await told, [{ author: { name: 'Ann', id: 'u1' }, state: 'edit', field: '/goal' }]);
  assert.equal(readers[0]?.channel.who(record.id).length, 1);
  for (const reader of readers) await reader.close();
});

test('a_key_that_is_refused_ends_the_channel', async () => {
  const stranger = new Client(URL_OF_RIPPLE, { key: DAMAGED_KEY }).resource('prj');
  let status = 0;
  const reader = new Reader({ onProblem: (problem) => (status = problem.status) }, stranger);
  await reader.close();
  const again = live(stranger, { onProblem: (problem) => (status = problem.status) });
  for await (const _ of again) assert.fail('it hears nothing');
  assert.equal(status, 403);
});

/** A resource behind a network that may answer a request itself, or fail. Its client does not wait between tries. */
function behind(network: (path: string) => Response | undefined): typeof prj {
  const through = async (input: string | URL | globalThis.Request, init?: RequestInit): Promise<Response> =>
    network(new URL(String(input)).pathname) ?? fetch(input, init);
  return new Client(URL_OF_RIPPLE, { key: KEY, fetch: through, sleep: async () => undefined }).resource('prj');
}

/** Answers the request for a ticket as a host without a live channel. */
const noLive = (path: string): Response | undefined =>
  path.endsWith('/_ticket') ? new Response('{"code":"no_live","detail":"none"}', { status: 501 }) : undefined;

function noNetwork(): never {
  throw new TypeError('there is no network');
}

/** Returns a position from which a reader hears of all that comes. */
async function position(): Promise<string> {
  const changes = prj.changes();
  for await (const _ of changes);
  return String(changes.cursor);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('without_a_live_channel_the_reader_asks', async () => {
  const reader = new Reader({ since: await position() }, behind(noLive));
  await until(() => reader.channel.mode === 'wait');
  const { record } = await prj.create(PROJECT);
  assert.deepEqual(await reader.versions(record.id, 1), [1]);
  await reader.close();
});

test('a_ticket_that_a_page_cannot_get_is_asked_for_again', async () => {
  const page = new Response('<h1>Down for maintenance</h1>', { status: 503 });
  const answers = [() => noNetwork(), () => page.json(), async () => null as never];
  const client = new Client(URL_OF_RIPPLE, { key: KEY });
  const ticket = async (): Promise<Ticket> => {
    const answer = answers.shift();
    if (answer) return answer();
    const path = 'prj/_ticket';
    return (await client.transport.send({ method: 'POST', path, headers: {}, reads: true })).body as never;
  };
  const reader = new Reader({ ticket });
  await opened(reader.channel);
  assert.equal(answers.length, 0);
  const { record } = await prj.create(PROJECT);
  assert.deepEqual(await reader.versions(record.id, 1), [1]);
  await reader.close();
});

test('a_reader_that_asks_goes_on_after_an_outage', async () => {
  let failures = 0;
  const cut = (path: string): Response | undefined =>
    path.endsWith('/_changes') && failures++ < 8 ? noNetwork() : noLive(path);
  const reader = new Reader({ since: await position() }, behind(cut));
  const { record } = await prj.create(PROJECT);
  assert.deepEqual(await reader.versions(record.id, 1), [1]);
  assert(failures > 8);
  await reader.close();
});

test('a_reader_that_asks_can_be_closed_in_an_outage', async () => {
  let failures = 0;
  const cut = (path: string): Response | undefined => noLive(path) ?? (failures++, noNetwork());
  const reader = new Reader({ since: await position() }, behind(cut));
  await until(() => failures > 4);
  await reader.close();
});

test('an_outage_while_the_changes_are_read_does_not_end_the_channel', async () => {
  let failures = 0;
  const cut = (path: string): Response | undefined =>
    path.endsWith('/_changes') && failures++ < 8 ? noNetwork() : undefined;
  const reader = new Reader({ since: `${await position()}~other.7` }, behind(cut));
  const { record } = await prj.create(PROJECT);
  assert.deepEqual(await reader.versions(record.id, 1), [1]);
  await prj.edit(record, (draft) => void (draft.goal = 'later'));
  assert.deepEqual(await reader.versions(record.id, 2), [1, 2]);
  assert.equal(sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length, 1);
  await reader.close();
});

test('the_late_end_of_a_socket_does_not_end_the_next_one', async () => {
  const reader = new Reader({ since: await position() });
  await opened(reader.channel);
  const [first, number] = [sockets.at(-1), sockets.length];
  first?.close();
  await until(() => sockets.length > number);
  await opened(reader.channel);
  first?.dispatchEvent(Object.assign(new Event('close'), { code: 1006 }));
  const { record } = await prj.create(PROJECT);
  assert.deepEqual(await reader.versions(record.id, 1), [1]);
  assert.equal(sockets.length, number + 1);
  await reader.close();
});
