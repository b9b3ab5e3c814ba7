/**
 * Twenty devices with outboxes on one real ripple, through a network that drops, doubles, delays and cuts.
 *
 * RIPPLE_EDITS: the number of edits. RIPPLE_SEED: the seed of what the devices and the network do.
 */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Client, type Json, type Members, type Record, type Receipt } from '../../src/index.ts';
import { Outbox, type Entry, type OutboxResource } from '../../src/outbox.ts';
import { own } from '../../src/json.ts';
import { MemoryStore } from '../../src/outbox/memory.ts';
import { KEY, OTHER_KEY, PROJECT, URL_OF_RIPPLE } from '../environment.ts';
import { Network } from '../network.ts';
import { Random } from '../walk/random.ts';

const EDITS = Number(process.env.RIPPLE_EDITS ?? 2000);
const SEED = Number(process.env.RIPPLE_SEED ?? 1);
const DEVICES = 20;
const SHARED = 20;
/** The odds of each fault of a request. */
const FAULTS: [string, number][] = [
  ['drop_request', 0.05],
  ['drop_answer', 0.08],
  ['twice', 0.05],
  ['late', 0.05],
  ['cut', 0.03],
  ['portal', 0.02],
  ['status:503:unavailable', 0.03],
  ['status:502:bad_gateway', 0.02],
];

/** An edit that the server acknowledged. */
interface Made {
  readonly entry: Entry;
  readonly receipt: Receipt;
}

/** A device: its store outlives its outbox. */
class Device {
  readonly name: string;
  readonly random: Random;
  readonly network = new Network();
  readonly made: Made[] = [];
  readonly parked: Entry[] = [];
  readonly #store = new MemoryStore();
  outbox!: Outbox;
  prj!: OutboxResource;

  constructor(name: string, random: Random) {
    this.name = name;
    this.random = random;
    this.network.chance = () => {
      let odds = this.random.next();
      return FAULTS.find(([, share]) => (odds -= share) < 0)?.[0];
    };
  }

  async start(): Promise<void> {
    const client = new Client(URL_OF_RIPPLE, {
      key: this.name === 'device 0' ? OTHER_KEY : KEY,
      fetch: this.network.fetch,
      timeout: 600_000,
      sleep: async () => undefined,
    });
    const outbox = await Outbox.open(client, {
      store: this.#store,
      account: this.name,
      onReceipt: (entry, receipt) => this.made.push({ entry, receipt }),
      onParked: (entry) => this.parked.push(entry),
      // The network is back at once: the test does not wait for the backoff.
      onState: ({ uncertain, queued }) => uncertain + queued > 0 && setImmediate(() => this.outbox?.resume()),
    });
    this.outbox = outbox;
    this.prj = outbox.resource('prj');
  }

  /** Ends the program with requests on their way, and starts it again. */
  async restart(): Promise<void> {
    await this.outbox.close();
    await this.start();
  }
}

const random = new Random(SEED);
const devices = Array.from(
  { length: DEVICES },
  (_, number) => new Device(`device ${number}`, new Random(SEED * 1000 + number)),
);
after(async () => {
  for (const device of devices) await device.outbox?.close();
});

const plain = new Client(URL_OF_RIPPLE, { key: KEY, timeout: 600_000 }).resource('prj');

test('no_edit_of_twenty_devices_is_lost_or_doubled_over_a_bad_network', { timeout: 1_800_000 }, async () => {
  const ids: string[] = [];
  for (let record = 0; record < SHARED; record++) {
    ids.push((await plain.create({ ...PROJECT, tags: ['first'], steps: [{ id: 's', text: 'first' }] })).record.id);
  }
  await Promise.all(devices.map((device) => device.start()));
  const gone = ids[0] as string;
  let edits = 0;
  const deletion = random.below(EDITS);
  const shared = async (): Promise<void> => {
    if (edits++ === deletion) await plain.delete(gone);
  };
  await Promise.all(devices.map((device) => author(device, ids, shared)));

  await Promise.all(devices.map((device) => device.outbox.drained()));
  let late = 0;
  for (const { network } of devices) while ((await network.deliverLate()) !== undefined) late++;

  const requests = devices.reduce((sum, { network }) => sum + network.requests, 0);
  const receipts = devices.reduce((sum, { made }) => sum + made.length, 0);
  const parked = devices.reduce((sum, device) => sum + device.parked.length, 0);
  console.log(`${EDITS} edits: ${requests} requests, ${receipts} receipts, ${parked} parked, ${late} late copies`);
  await check(ids, gone);
});

/** Makes the edits of one device. `begin` is told of each. */
async function author(device: Device, ids: string[], begin: () => Promise<void>): Promise<void> {
  const { random } = device;
  const screen = new Map<string, Record<Members>>();
  for (let edit = 0; edit < EDITS / DEVICES; edit++) {
    await begin();
    if (random.chance(0.03)) await device.restart();
    if (random.chance(0.02)) {
      const { record } = await device.prj.create({ ...PROJECT, tags: [`new of ${device.name} ${edit}`], steps: [] });
      assert(record);
      screen.set(record.id, record);
      ids.push(record.id);
    }
    const id = screen.size && random.chance(0.5) ? random.pick([...screen.keys()]) : random.pick(ids);
    // Half of the edits begin from what the page has shown for a while.
    const shown = random.chance(0.5) ? screen.get(id) : undefined;
    const record = shown ?? (await device.prj.get(id).catch(() => undefined));
    if (!record) continue;
    const token = `${device.name} ${edit}`;
    const kind = random.next();
    const { record: now, n } = await device.prj.edit(record, (draft) => {
      const edited = draft as { goal: Json; tags: Json[]; steps: Json[] };
      if (kind < 0.45) edited.goal = token;
      if (kind > 0.3 && kind < 0.7) edited.tags.splice(1, 0, token);
      if (kind > 0.6 && kind < 0.97) edited.steps.push({ text: token });
      if (kind >= 0.97) edited.goal = [token]; // the server refuses it
    });
    assert(n !== undefined);
    if (now) screen.set(id, now);
    else screen.delete(id); // it was deleted meanwhile
  }
}

/** Checks that what every device was told is so. */
async function check(ids: readonly string[], gone: string): Promise<void> {
  for (const device of devices) {
    assert(device.outbox.entries().every(({ state }) => state === 'parked'));
    for (const entry of device.parked) {
      const expected = entry.id === gone ? ['gone', 'deleted', 'invalid_body'] : ['invalid_body', 'creation_parked'];
      assert(expected.includes(entry.problem?.code ?? ''), JSON.stringify(entry.problem));
      assert(
        device.outbox.entries().some(({ n, key }) => n === entry.n && key === entry.key),
        'what was refused is kept',
      );
    }
  }
  for (const id of ids) {
    if (id === gone) continue;
    const entries = devices.flatMap((device) =>
      device.made.filter(({ entry }) => entry.id === id).map((made) => ({ ...made, device })),
    );
    const record = await plain.get(id).catch(() => undefined);
    if (!record) {
      assert.equal(entries.length, 0, `${id} was acknowledged and is not there`);
      continue;
    }
    const { tags, steps, goal } = record.value as { tags: string[]; steps: { id: string; text: string }[]; goal: Json };
    const texts = [...tags, ...steps.map(({ text }) => text)];
    assert.equal(new Set(tags).size, tags.length);
    assert.equal(new Set(steps.map((step) => step.id)).size, steps.length, 'ids are unique');
    for (const { entry } of entries) {
      for (const text of added(entry)) {
        assert.equal(texts.filter((other) => other === text).length, tagAndStep(entry, text), `${text} in ${id}`);
      }
    }
    // Each text that was saved was in the record at one time, and at one only.
    const history = await plain.versions(id).all();
    const goals = history.flatMap(({ changes = [] }) =>
      changes.filter(({ field }) => field === '/goal').map(({ replaced }) => replaced),
    );
    const values = [...goals.reverse(), goal];
    for (const device of devices) {
      const sent = entries
        .filter((made) => made.device === device && own(made.entry.set, 'goal') !== undefined)
        .map(({ entry }) => own(entry.set, 'goal') as Json);
      const places = sent.map((value) => {
        assert.equal(values.filter((other) => other === value).length, 1, `${String(value)} was saved once`);
        return values.indexOf(value);
      });
      assert.deepEqual(
        places,
        [...places].sort((one, other) => one - other),
        'the edits of a device keep their order',
      );
    }
  }
}

/** Returns the texts that an entry added to lists. */
function added(entry: Entry): string[] {
  const texts = (side: Members): string[] => [
    ...((own(side, 'tags') ?? []) as string[]),
    ...((own(side, 'steps') ?? []) as Members[]).map(({ text }) => text as string),
  ];
  const before = texts(entry.seen);
  return [...new Set(texts(entry.set).filter((text) => !before.includes(text)))];
}

/** Returns how many times a text is in the record: an edit may add it to both lists. */
function tagAndStep(entry: Entry, text: string): number {
  const tags = ((own(entry.set, 'tags') ?? []) as string[]).includes(text);
  const steps = ((own(entry.set, 'steps') ?? []) as Members[]).some((step) => step.text === text);
  return Number(tags) + Number(steps);
}
