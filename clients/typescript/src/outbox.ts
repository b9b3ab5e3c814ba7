/**
 * The outbox: writes that are durable on the device before they are sent, and sent until the server has answered.
 *
 * An edit carries what its author saw, so it can be sent late, and again, without harm. What the server refuses is
 * parked with its text. Only the author drops it.
 */

import type { Client } from './client.ts';
import { freeze, isMembers, parse, write, type Members } from './json.ts';
import { apply, drop, entriesOf, enqueue, find, forget, learn, recover, replace } from './outbox/decide.ts';
import type { Queued as Decision, State, Step, Wanted } from './outbox/decide.ts';
import { fromRow, nameOf, toRow, type Entry, type Known } from './outbox/entry.ts';
import { fingerprint } from './outbox/name.ts';
import { OutboxResource } from './outbox/resource.ts';
import { checkRoom, full, StoreError } from './outbox/room.ts';
import { Sender } from './outbox/sender.ts';
import type { Store } from './outbox/store.ts';
import { Tabs } from './outbox/tabs.ts';
import { view } from './outbox/view.ts';
import { Problem } from './problem.ts';
import type { Receipt } from './receipt.ts';
import { shape, type Record, type ResourceOptions, type Shape } from './record.ts';

export { databaseName } from './outbox/name.ts';
export { OutboxResource, type Queued } from './outbox/resource.ts';
export type { Entry, EntryState, Known, Refusal } from './outbox/entry.ts';
export type { Batch, Row, Store, Stored } from './outbox/store.ts';

/** The state of an outbox, for display. */
export interface OutboxState {
  readonly queued: number;
  readonly sending: number;
  readonly uncertain: number;
  readonly parked: number;
  /** Entries of later formats and of other accounts. They are left alone. */
  readonly foreign: number;
  /** Whether entries survive the end of the process. */
  readonly durable: boolean;
  /** Whether the browser promised to keep them. */
  readonly persisted: boolean;
  /** Why nothing is sent: the key was refused (401, 403), or entries wait for another address. */
  readonly stopped: Problem | undefined;
}

/** The settings of an outbox. */
export interface OutboxOptions {
  readonly store: Store;
  /** The account whose entries these are. Entries of another account wait for it. */
  readonly account: string;
  /** Whether nothing is sent until `pause(false)`. */
  readonly paused?: boolean;
  readonly onReceipt?: (entry: Entry, receipt: Receipt) => void;
  readonly onParked?: (entry: Entry) => void;
  readonly onState?: (state: OutboxState) => void;
  /** Told when what is shown of a record may have changed. */
  readonly onChange?: (resource: string, id: string) => void;
}

/** The writes of one account on one device. */
export class Outbox {
  declare readonly client: Client;
  declare readonly account: string;
  readonly #options: OutboxOptions;
  readonly #store: Store;
  readonly #address: string;
  readonly #tabs: Tabs;
  readonly #sender: Sender;
  readonly #shapes = new Map<string, Shape>();
  #state: State = { revision: 0, next: 1, entries: [], records: new Map(), session: null };
  #foreign: readonly string[] = [];
  /** The text of each known record in the store. */
  #texts: ReadonlyMap<string, string> = new Map();
  #chain: Promise<unknown> = Promise.resolve();
  #leading = false;
  #asked = false;
  #persisted = false;
  /** The address for which the entries are. */
  #home = '';
  /** Whether the author agreed that entries for another address go to this one. */
  #moved = false;
  #drained: (() => void)[] = [];
  #told = '';

  /** Opens an outbox, and begins to send what waits in it. */
  static async open(client: Client, options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(client, options);
    await outbox.#load();
    const { session, entries } = outbox.#state;
    // Without entries, the store moves to the new address. What it knows is of the old one.
    if (outbox.#home !== outbox.#address && !entries.length) await outbox.#commit(forget);
    else client.session ??= session ?? undefined;
    globalThis.addEventListener?.('online', outbox.#sender.online);
    outbox.pause(options.paused ?? false);
    outbox.#tabs.start();
    return outbox;
  }

  private constructor(client: Client, options: OutboxOptions) {
    this.client = client;
    this.#options = options;
    this.#store = options.store;
    this.#address = client.transport.base;
    this.account = fingerprint(options.account);
    this.#sender = new Sender(client.transport, {
      state: () => this.#state,
      commit: (decide) => this.#commit(decide),
      shape: (resource) => this.#shape(resource),
      made: (entry, receipt) => tell(options.onReceipt, entry, receipt),
      parked: (entry) => tell(options.onParked, entry),
      stopped: () => this.#tellState(),
    });
    this.#tabs = new Tabs(options.store.shared, {
      lead: (leading) => void this.#lead(leading),
      hint: () => void this.refresh(),
      hasWork: () => this.#waits,
    });
  }

  /** Returns a resource whose writes go through the outbox. */
  resource<T = Members, New = T>(name: string, options: ResourceOptions = {}): OutboxResource<T, New> {
    this.#shapes.set(name, shape(name, options));
    return new OutboxResource<T, New>(this, this.client.resource<T, New>(name, options));
  }

  /** Returns the entries, in order. */
  entries(): readonly Entry[] {
    return this.#state.entries;
  }

  get state(): OutboxState {
    const count = (wanted: Entry['state']): number =>
      this.#state.entries.filter(({ state }) => state === wanted).length;
    return {
      queued: count('queued'),
      sending: count('sending'),
      uncertain: count('uncertain'),
      parked: count('parked'),
      foreign: this.#foreign.length,
      durable: this.#store.durable,
      persisted: this.#persisted,
      stopped: this.#sender.stopped,
    };
  }

  /** Resolves once nothing waits to be sent. Entries may be parked. */
  async drained(): Promise<void> {
    if (this.#waits) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Whether an entry waits to be sent. */
  get #waits(): boolean {
    return this.#state.entries.some(({ state }) => state !== 'parked');
  }

  /** Drops a parked entry. Only its author may want that. */
  async drop(n: number): Promise<boolean> {
    return (await this.#commit((state) => drop(state, n))) !== undefined;
  }

  /** Returns every entry as JSON, also those that this client cannot read. */
  export(): string {
    return `[${[...this.#state.entries.map((entry) => toRow(entry).text), ...this.#foreign].join()}]`;
  }

  /** Sends again after the queue was stopped, such as with a new key, or at a new address of the same server. */
  resume(): void {
    this.#moved ||= this.#sender.stopped?.code === 'address';
    this.#sender.stopped = undefined;
    this.#tellState();
    this.#sender.online();
  }

  /** Begins or ends a time in which nothing is sent. Writes are still queued, and those on their way end. */
  pause(paused: boolean): void {
    this.#sender.paused = paused;
    this.#sender.online();
  }

  /** Reads the store again, such as after another process has changed it. */
  async refresh(): Promise<void> {
    await this.#serial(() => this.#load()).catch(() => undefined); // a hint: the next change reads it again
    this.#sender.pump();
  }

  /** Stops sending. Returns the number of entries that stay. */
  async close(): Promise<number> {
    globalThis.removeEventListener?.('online', this.#sender.online);
    this.#tabs.close();
    this.#sender.close();
    await this.#chain.catch(() => undefined); // its caller has heard of it
    await this.#store.close();
    return this.#state.entries.length;
  }

  /** Closes the outbox and deletes everything in it. */
  async wipe(): Promise<void> {
    await this.close();
    await this.#store.wipe();
  }

  /** Shows a record: its newest known state, with the own writes that wait. Returns `undefined` if it is not known. */
  shown<T>(shape: Shape, id: string): Record<T> | undefined {
    const known = this.#state.records.get(nameOf({ resource: shape.resource, id }));
    const { value, pending } = view(known, entriesOf(this.#state, { resource: shape.resource, id }));
    if (!value) return undefined;
    const { version, etag, updated } = known ?? { version: 0, etag: null, updated: {} };
    return freeze({ id, value: value as T, version, ...(etag !== null && { etag }), updated, pending });
  }

  /** Shows a record as it was read, with the own writes that wait on it. A newer known state takes its place. */
  over<T>(read: Known, record: Record<T>): Record<T> {
    const known = this.#state.records.get(nameOf(read));
    if (known && known.version > read.version && !record.partial)
      return this.shown<T>(this.#shape(read.resource), read.id) ?? record;
    const { value, pending } = view(read, entriesOf(this.#state, read));
    return value && pending ? freeze({ ...record, value: value as T, pending }) : record;
  }

  /** Returns the ids of a resource's records on this device. */
  ids(resource: string): string[] {
    const all = [...this.#state.records.values(), ...this.#state.entries].filter((one) => one.resource === resource);
    return [...new Set(all.map(({ id }) => id))].sort();
  }

  /** Keeps states of the server. Older ones than the known are dropped. */
  async learn(found: readonly Known[]): Promise<void> {
    if (learn(this.#state, found)) await this.#commit((state) => learn(state, found));
  }

  /** Queues a write, and resolves once it is durable. */
  async enqueue(wanted: Wanted, parked?: number): Promise<Decision> {
    let decision: Decision | undefined;
    const decide = (state: State): Step | undefined => {
      decision = parked === undefined ? enqueue(state, wanted) : replace(state, parked, wanted);
      if (decision?.entry) checkRoom(state, decision.entry);
      return decision?.step;
    };
    this.#persist();
    try {
      await this.#commit(decide);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Copies of what the server has go first.
      const room = await this.#commit(forget).catch(() => undefined);
      if (!room) throw full(error);
      await this.#commit(decide).catch((cause: unknown) => Promise.reject(full(cause)));
    }
    if (!decision) throw new Problem(0, 'not_parked', `entry ${parked} is not parked`);
    if (decision.entry?.state === 'parked') tell(this.#options.onParked, decision.entry);
    return decision;
  }

  /** Makes a decision and commits it. Repeats both if another tab has changed the state meanwhile. */
  #commit(decide: (state: State) => Step | undefined): Promise<Step | undefined> {
    return this.#serial(async () => {
      for (;;) {
        const step = decide(this.#state);
        if (!step) return undefined;
        const after = apply(this.#state, step);
        const address = this.#moved || !this.#state.entries.length ? this.#address : this.#home;
        const batch = {
          put: (step.put ?? []).map(toRow),
          remove: step.remove ?? [],
          records: (step.records ?? []).map((known): [string, string] => [nameOf(known), write(known)]),
          forget: step.forget ?? [],
          ...(step.adds && { next: after.next }),
          ...((step.session !== undefined || step.adds) && {
            meta: write({ session: after.session, address }),
          }),
          strict: step.adds === true || (step.put ?? []).length > 0,
        };
        if (await guarded(this.#store.commit(batch, this.#state.revision))) {
          this.#set(after);
          this.#tabs.tell();
          return step;
        }
        await this.#load();
      }
    });
  }

  #serial<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#chain.then(work, work);
    this.#chain = done.catch(() => undefined); // the caller hears of it
    return done;
  }

  async #load(): Promise<void> {
    const stored = await guarded(this.#store.load());
    const foreign: string[] = [];
    const entries = stored.rows.flatMap((row) => {
      const same = find(this.#state, row.n);
      const entry = same?.rev === row.rev ? same : fromRow(row, this.account);
      if (!entry) foreign.push(row.text);
      return entry ?? [];
    });
    const meta = stored.meta === undefined ? {} : parse(stored.meta);
    const { session = null, address = this.#address } = isMembers(meta) ? meta : {};
    this.#home = String(address);
    if (entries.length && address !== this.#address && !this.#moved) {
      this.#sender.stopped = new Problem(0, 'address', `the entries are for ${this.#home}`);
    }
    this.#foreign = foreign;
    const old = this.#state.records;
    const records = new Map(
      stored.records.map(([name, text]) => {
        const same = this.#texts.get(name) === text ? old.get(name) : undefined;
        return [name, same ?? (parse(text) as unknown as Known)];
      }),
    );
    this.#texts = new Map(stored.records);
    this.#set({ revision: stored.revision, next: stored.next, entries, records, session: session as string | null });
  }

  /** Takes a state that is in the store, and tells what differs. */
  #set(state: State): void {
    const before = this.#state;
    this.#state = state;
    const { onChange } = this.#options;
    if (onChange) for (const { resource, id } of touched(before, state)) tell(onChange, resource, id);
    this.#tellState();
    if (!this.#waits) for (const resolve of this.#drained.splice(0)) resolve();
    this.#sender.pump();
  }

  #tellState(): void {
    const { onState } = this.#options;
    if (!onState) return;
    const { state } = this;
    const told = JSON.stringify({ ...state, stopped: state.stopped?.code });
    if (told === this.#told) return;
    this.#told = told;
    tell(onState, state);
  }

  #shape(resource: string): Shape {
    return this.#shapes.get(resource) ?? shape(resource, {});
  }

  async #lead(leading: boolean): Promise<void> {
    this.#leading = leading;
    if (leading) await this.refresh();
    if (leading) await this.#commit(recover).catch(() => undefined); // an entry that stays `sending` goes again too
    this.#sender.lead(this.#leading);
  }

  /** Asks the browser to keep the store, at the first write. */
  #persist(): void {
    if (this.#asked || !this.#store.durable) return;
    this.#asked = true;
    const asked = globalThis.navigator?.storage?.persist?.();
    asked?.then(
      (persisted) => {
        this.#persisted = persisted;
        this.#tellState();
      },
      () => undefined,
    );
  }
}

/** Tells failures of the store from those of an entry. */
async function guarded<R>(work: Promise<R>): Promise<R> {
  return work.catch((cause: unknown) => Promise.reject(new StoreError(cause)));
}

/** Calls a callback. Its exception is the page's, and does not reach the outbox. */
function tell<A extends unknown[]>(callback: ((...told: A) => void) | undefined, ...told: A): void {
  try {
    callback?.(...told);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Returns the records of which two states may show different things. */
function touched(one: State, other: State): Iterable<{ readonly resource: string; readonly id: string }> {
  const less = (all: readonly Entry[], than: State): Entry[] =>
    all.filter((entry) => find(than, entry.n)?.rev !== entry.rev);
  const learnt = [...other.records.values()].filter((known) => one.records.get(nameOf(known)) !== known);
  const found = [...less(one.entries, other), ...less(other.entries, one), ...learnt];
  return new Map(found.map((record) => [nameOf(record), record])).values();
}
