/**
 * A process with some clients, each with its own outbox in a file. The rig kills it and starts it again.
 *
 * Its argument is a `Task`. On the standard output it writes a byte for each edit and each receipt.
 */

import { readFileSync, writeSync } from 'node:fs';

import { Client, Problem, type Json, type Members, type Record } from '../../src/index.ts';
import { idempotencyKey } from '../../src/ids.ts';
import { Outbox, type Batch, type OutboxResource, type Store } from '../../src/outbox.ts';
import { FileStore } from '../../src/outbox/file.ts';
import { Random } from '../walk/random.ts';
import { Journal, type Edit } from './journal.ts';
import { current } from './records.ts';

/** What a process is to do. */
export interface Task {
  /** The address of the network. */
  readonly url: string;
  readonly key: string;
  /** The folder of journals and stores, and of `shared.json`: the ids of the records that all clients edit. */
  readonly folder: string;
  readonly clients: readonly string[];
  /** The edits of each client, in all its lives. */
  readonly edits: number;
  readonly seed: number;
  /** How many records all clients edit at a time. */
  readonly records: number;
  /** The time by which the clock is wrong when the process starts, in milliseconds. */
  readonly clock: number;
  readonly mutant: Mutant | undefined;
}

/**
 * Mistakes that the judge must find:
 * - `forgets`: an entry leaves the store when it is sent, and not when it is acknowledged.
 * - `new_keys`: each try has an Idempotency-Key of its own.
 */
export type Mutant = 'forgets' | 'new_keys';

/** The most records on the screen of an author. */
const SCREEN = 3;
const DAY = 86_400_000;

const task = JSON.parse(process.argv[2] ?? '') as Task;
const shared = JSON.parse(readFileSync(`${task.folder}/shared.json`, 'utf8')) as string[];
const rightNow = Date.now;
let clock = task.clock;
Date.now = () => rightNow() + clock;

/** The valid members of a new project, without its lists. */
const PROJECT = { name: 'n', issue: 'i', description: 'd', term: 3, term_unit: 'month', create_date: '2026-03-01' };

class Author {
  readonly #name: string;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #screen = new Map<string, Record<Members>>();
  /** The tags that this author has added and not removed, with their records. */
  readonly #tags: [string, string][] = [];
  #made = 0;
  #outbox!: Outbox;
  #prj!: OutboxResource;

  constructor(name: string) {
    this.#name = name;
    this.#journal = new Journal(`${task.folder}/${name}.journal`);
    const before = this.#journal.read().filter((line) => line.t === 'begin');
    this.#made = (before.at(-1)?.edit ?? -1) + 1;
    // Another life makes other choices.
    this.#random = new Random(task.seed + before.length * 7919);
    for (const { tag, untag, id } of before) {
      if (tag !== undefined) this.#tags.push([tag, id]);
      if (untag !== undefined) this.#forgetTag(untag);
    }
  }

  async live(): Promise<void> {
    const { url, key, folder, edits } = task;
    const name = this.#name;
    const client = new Client(`${url}/${name}`, {
      key,
      author: { name, id: name },
      fetch: task.mutant === 'new_keys' ? withNewKeys : fetch,
      // A read is tried again soon, so that the author goes on.
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, Math.min(milliseconds, 20))),
    });
    const file = await FileStore.open(`${folder}/${name}.outbox`);
    this.#outbox = await Outbox.open(client, {
      store: task.mutant === 'forgets' ? forgetting(file) : file,
      account: name,
      onReceipt: ({ n, id }, { result, version }) => {
        this.#journal.write({ t: 'receipt', n, id, result, version });
        writeSync(1, 'r');
      },
    });
    this.#prj = this.#outbox.resource('prj');
    // The network comes back soon, as far as the client is told.
    const back = setInterval(() => this.#outbox.resume(), 100);
    while (this.#made < edits) {
      await this.#edit(this.#made++);
      writeSync(1, 'e');
    }
    await this.#outbox.drained();
    clearInterval(back);
    const entries = this.#outbox.entries().map(({ n, id, problem, set }) => {
      return { n, id, code: problem?.code ?? 'none', text: JSON.stringify(set) };
    });
    this.#journal.write({ t: 'left', entries });
    await this.#outbox.close();
  }

  async #edit(edit: number): Promise<void> {
    const random = this.#random;
    if (random.chance(0.01)) clock = (random.next() - 0.5) * 60 * DAY;
    const token = `${this.#name}.${edit}`;
    if (random.chance(0.01)) {
      const id = `new-${token}`;
      this.#journal.write({ t: 'begin', edit, id, tag: token, goal: token });
      const made = { ...PROJECT, goal: token, tags: [token], steps: [] };
      const { n, record } = await this.#prj.create(made, { id });
      this.#told(edit, n);
      if (record) this.#show(record);
      return;
    }
    const record = await this.#look();
    const tags = (record.value.tags ?? []) as string[];
    const own = this.#tags.find(([tag, id]) => id === record.id && tags.includes(tag))?.[0];
    const kind = random.next();
    const wanted: Edit = {
      edit,
      id: record.id,
      ...(kind < 0.45 && { goal: token }),
      ...(kind >= 0.35 && kind < 0.65 && { tag: token }),
      ...(kind >= 0.6 && kind < 0.97 && { step: token }),
      ...(kind >= 0.9 && own !== undefined && { untag: own }),
      ...(kind >= 0.985 && { bad: true }),
    };
    const { goal, tag, step, untag, bad } = wanted;
    this.#journal.write({ t: 'begin', ...wanted });
    const { n, record: now } = await this.#prj.edit(record, (draft) => {
      const edited = draft as { goal: Json; tags: Json[]; steps: Json[] };
      if (goal !== undefined) edited.goal = goal;
      if (tag !== undefined) edited.tags.splice(1, 0, tag);
      if (untag !== undefined) edited.tags.splice(edited.tags.indexOf(untag), 1);
      if (step !== undefined) edited.steps.push({ text: step });
      if (bad) edited.goal = [token];
    });
    this.#told(edit, n);
    if (tag !== undefined) this.#tags.push([tag, record.id]);
    if (untag !== undefined) this.#forgetTag(untag);
    if (now) this.#show(now);
    else this.#screen.delete(record.id); // it was deleted meanwhile
  }

  /** Returns what the author edits: a record that is on the screen for a while, or one that is read now. */
  async #look(): Promise<Record<Members>> {
    const random = this.#random;
    for (;;) {
      const shown = [...this.#screen.values()];
      if (shown.length && random.chance(0.92)) return random.pick(shown);
      try {
        const now = current(shared, this.#made / task.edits, task.records);
        const record = await this.#prj.get(random.pick(now));
        this.#show(record);
        return record;
      } catch (error) {
        if (!(error instanceof Problem)) throw error; // it is deleted, or the network does not let it through
      }
    }
  }

  #show(record: Record<Members>): void {
    this.#screen.delete(record.id);
    this.#screen.set(record.id, record);
    const [oldest] = this.#screen.keys();
    if (this.#screen.size > SCREEN && oldest !== undefined) this.#screen.delete(oldest);
  }

  #told(edit: number, n: number | undefined): void {
    this.#journal.write({ t: 'queued', edit, ...(n !== undefined && { n }) });
  }

  #forgetTag(tag: string): void {
    const place = this.#tags.findIndex(([other]) => other === tag);
    if (place >= 0) this.#tags.splice(place, 1);
  }
}

const withNewKeys: typeof fetch = (input, init = {}) => {
  const headers = new Headers(init.headers);
  if (headers.has('idempotency-key')) headers.set('idempotency-key', idempotencyKey());
  return fetch(input, { ...init, headers });
};

function forgetting(store: Store): Store {
  const commit = async (batch: Batch, revision: number): Promise<boolean> => {
    const sent = (batch.put ?? []).filter(({ text }) => (JSON.parse(text) as { state: string }).state === 'sending');
    const put = (batch.put ?? []).filter((row) => !sent.includes(row));
    return store.commit({ ...batch, put, remove: [...(batch.remove ?? []), ...sent.map(({ n }) => n)] }, revision);
  };
  const { durable, shared } = store;
  return { durable, shared, commit, load: () => store.load(), close: () => store.close(), wipe: () => store.wipe() };
}

await Promise.all(task.clients.map((name) => new Author(name).live()));
