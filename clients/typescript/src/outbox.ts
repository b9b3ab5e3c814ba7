/**
 * The outbox: writes that are durable on the device before they are sent, and sent until the server has answered.
 *
 * An edit carries what its author saw, so it can be sent late, and again, without harm. What the server refuses is
 * parked with its text. Only the author drops it.
 */

import type { Client } from './client.ts';
import { isMembers, parse, write, type Members } from './json.ts';
import { acknowledge, apply, doubt, drop, entriesOf, enqueue, find, forget, freeze } from './outbox/decide.ts';
import { learn, park, postpone, recover, replace, sendable, tooOld } from './outbox/decide.ts';
import type { Queued as Decision, State, Step, Wanted } from './outbox/decide.ts';
import { fromRow, nameOf, toRow, type Entry, type Known, type Refusal } from './outbox/entry.ts';
import { fingerprint } from './outbox/name.ts';
import { isPassing, knownOf, longer, NO_WAIT, refusal, requestOf, type Wait } from './outbox/request.ts';
import { OutboxResource } from './outbox/resource.ts';
import { checkRoom, full, StoreError } from './outbox/room.ts';
import type { Store } from './outbox/store.ts';
import { Tabs } from './outbox/tabs.ts';
import { view } from './outbox/view.ts';
import { Problem } from './problem.ts';
import type { Receipt } from './receipt.ts';
import { shape, type Record, type ResourceOptions, type Shape } from './record.ts';
import { receiptOf } from './resource.ts';
import type { Answer } from './transport.ts';

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
  readonly onReceipt?: (entry: Entry, receipt: Receipt) => void;
  readonly onParked?: (entry: Entry) => void;
  readonly onState?: (state: OutboxState) => void;
  /** Told when what is shown of a record may have changed. */
  readonly onChange?: (resource: string, id: string) => void;
}

/** The writes of one account on one device. */
export class Outbox {
  readonly client: Client;
  readonly account: string;
  readonly #options: OutboxOptions;
  readonly #store: Store;
  readonly #address: string;
  readonly #tabs: Tabs;
  readonly #inFlight = new Set<number>();
  /** Waits of single entries, and of all after a failure that is not an entry's own. */
  readonly #waits = new Map<number, Wait>();
  readonly #throws = new Map<number, number>();
  readonly #shapes = new Map<string, Shape>();
  readonly #abort = new AbortController();
  #all: Wait = NO_WAIT;
  #state: State = { revision: 0, next: 1, entries: [], records: new Map(), session: null };
  #foreign: readonly string[] = [];
  /** The text of each known record in the store. */
  #texts: ReadonlyMap<string, string> = new Map();
  #chain: Promise<unknown> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped: Problem | undefined;
  #leading = false;
  #closed = false;
  #persisted = false;
  /** Whether the author agreed that entries for another address go to this one. */
  #moved = false;
  #drained: (() => void)[] = [];
  #told = '';

  /** Opens an outbox, and begins to send what waits in it. */
  static async open(client: Client, options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(client, options);
    await outbox.#load();
    if (client.session === undefined && outbox.#state.session !== null) client.session = outbox.#state.session;
    globalThis.addEventListener?.('online', outbox.#online);
    outbox.#tabs.start();
    return outbox;
  }

  private constructor(client: Client, options: OutboxOptions) {
    this.client = client;
    this.#options = options;
    this.#store = options.store;
    this.#address = client.transport.base;
    this.account = fingerprint(options.account);
    this.#tabs = new Tabs(options.store.shared ?? fingerprint(String(Math.random())), {
      lead: (leading) => void this.#lead(leading),
      hint: () => void this.refresh(),
      hasWork: () => this.#state.entries.some(({ state }) => state !== 'parked'),
    });
  }

  /** Returns a resource whose writes go through the outbox. */
  resource<T = Members>(name: string, options: ResourceOptions = {}): OutboxResource<T> {
    this.#shapes.set(name, shape(name, options));
    return new OutboxResource<T>(this, this.client.resource<T>(name, options));
  }

  /** Returns the entries, in order. */
  entries(): readonly Entry[] {
    return this.#state.entries;
  }

  get state(): OutboxState {
    const count = (wanted: Entry['state']): number => this.#state.entries.filter(({ state }) => state === wanted).length;
    return {
      queued: count('queued'),
      sending: count('sending'),
      uncertain: count('uncertain'),
      parked: count('parked'),
      foreign: this.#foreign.length,
      durable: this.#store.durable,
      persisted: this.#persisted,
      stopped: this.#stopped,
    };
  }

  /** Resolves once nothing waits to be sent. Entries may be parked. */
  async drained(): Promise<void> {
    if (this.#state.entries.some(({ state }) => state !== 'parked')) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
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
    this.#moved ||= this.#stopped?.code === 'address';
    this.#stopped = undefined;
    this.#tellState();
    this.#online();
  }

  /** Reads the store again, such as after another process has changed it. */
  async refresh(): Promise<void> {
    await this.#serial(() => this.#load()).catch(() => undefined); // a hint: the next change reads it again
    this.#pump();
  }

  /** Stops sending. Returns the number of entries that stay. */
  async close(): Promise<number> {
    this.#closed = true;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.('online', this.#online);
    this.#tabs.close();
    this.#abort.abort(); // their entries stay `sending`, and go again
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
    return { id, value: value as T, version, ...(etag !== null && { etag }), updated, pending };
  }

  /** Shows a record as it was read, with the own writes that wait on it. A newer known state takes its place. */
  over<T>(read: Known, record: Record<T>): Record<T> {
    const known = this.#state.records.get(nameOf(read));
    if (known && known.version > read.version && !record.partial) return this.shown<T>(this.#shape(read), read.id) ?? record;
    const { value, pending } = view(read, entriesOf(this.#state, read));
    return value && pending ? { ...record, value: value as T, pending } : record;
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
      if (error instanceof Problem) throw error;
      if (!(error instanceof StoreError)) throw error;
      // Copies of what the server has go first.
      const room = await this.#commit(forget).catch(() => undefined);
      if (!room) throw full(error);
      await this.#commit(decide).catch((cause: unknown) => Promise.reject(full(cause)));
    }
    if (!decision) throw new Problem(0, 'not_parked', `entry ${parked} is not parked`);
    if (decision.entry?.state === 'parked') this.#options.onParked?.(decision.entry);
    return decision;
  }

  /** Makes a decision and commits it, anew while other tabs change what it rests on. */
  #commit(decide: (state: State) => Step | undefined): Promise<Step | undefined> {
    return this.#serial(async () => {
      for (;;) {
        const step = decide(this.#state);
        if (!step) return undefined;
        const after = apply(this.#state, step);
        const batch = {
          put: (step.put ?? []).map(toRow),
          remove: step.remove ?? [],
          records: (step.records ?? []).map((known): [string, string] => [nameOf(known), write(known)]),
          forget: step.forget ?? [],
          ...(step.adds && { next: after.next }),
          ...((step.session !== undefined || step.adds) && { meta: write({ session: after.session, address: this.#address }) }),
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
    if (entries.length && address !== this.#address && !this.#moved) {
      this.#stopped = new Problem(0, 'address', `the entries are for ${String(address)}`);
    }
    this.#foreign = foreign;
    const old = this.#state.records;
    const records = new Map(stored.records.map(([name, text]) => {
      const same = this.#texts.get(name) === text ? old.get(name) : undefined;
      return [name, same ?? (parse(text) as unknown as Known)];
    }));
    this.#texts = new Map(stored.records);
    this.#set({ revision: stored.revision, next: stored.next, entries, records, session: session as string | null });
  }

  /** Takes a state that is in the store, and tells what differs. */
  #set(state: State): void {
    const before = this.#state;
    this.#state = state;
    const { onState, onChange } = this.#options;
    if (onChange) {
      const was = new Map(before.entries.map((entry) => [entry.n, entry]));
      const is = new Map(state.entries.map((entry) => [entry.n, entry]));
      const moved = [...before.entries.filter(({ n, rev }) => is.get(n)?.rev !== rev), ...state.entries.filter(({ n, rev }) => was.get(n)?.rev !== rev)];
      const learnt = [...state.records].filter(([name, known]) => before.records.get(name)?.version !== known.version).map(([, known]) => known);
      const told = new Map([...moved, ...learnt].map((one) => [nameOf(one), one]));
      for (const { resource, id } of told.values()) onChange(resource, id);
    }
    this.#tellState(onState);
    if (state.entries.every((entry) => entry.state === 'parked')) for (const resolve of this.#drained.splice(0)) resolve();
    this.#pump();
  }

  #tellState(onState = this.#options.onState): void {
    if (!onState) return;
    const state = this.state;
    const told = JSON.stringify({ ...state, stopped: state.stopped?.code });
    if (told !== this.#told) onState(state);
    this.#told = told;
  }

  async #lead(leading: boolean): Promise<void> {
    this.#leading = leading;
    if (!leading) return;
    await this.refresh();
    await this.#commit((state) => recover(state)).catch(() => undefined); // an entry that is still `sending` goes again too
    this.#pump();
  }

  #online = (): void => {
    this.#all = NO_WAIT;
    this.#waits.clear();
    this.#pump();
  };

  /** Starts the requests that can start now, and a timer for the next. */
  #pump(): void {
    clearTimeout(this.#timer);
    if (!this.#leading || this.#closed || this.#stopped) return;
    const now = Date.now();
    // Entries that wait for a moment of their own do not keep others from their place.
    const resting = [...this.#waits].filter(([, wait]) => wait.until > now);
    let next = Math.min(Infinity, ...resting.map(([, wait]) => wait.until));
    if (this.#all.until > now) next = this.#all.until;
    else for (const n of sendable(this.#state, this.#inFlight, new Set(resting.map(([n]) => n)))) void this.#send(n);
    if (next < Infinity) this.#timer = setTimeout(() => this.#pump(), next - now);
  }

  /** Sends one entry once, and commits what the answer means. */
  async #send(n: number): Promise<void> {
    this.#inFlight.add(n);
    try {
      await this.#attempt(n);
    } catch (error) {
      if (error instanceof StoreError) this.#all = longer(this.#all);
      else await this.#threw(n, error);
    } finally {
      this.#inFlight.delete(n);
      this.#pump();
    }
  }

  /** Parks an entry that made the sender throw twice, so that the others go on. */
  async #threw(n: number, error: unknown): Promise<void> {
    const times = (this.#throws.get(n) ?? 0) + 1;
    this.#throws.set(n, times);
    this.#wait(n);
    const poison = { status: 0, code: 'poison', detail: String(error), fields: {}, outcome: 'not_made' as const };
    if (times > 1) await this.#park(n, poison).catch(() => undefined); // the store fails, so it is parked later
  }

  async #attempt(n: number): Promise<void> {
    const { transport } = this.client;
    const old = find(this.#state, n);
    if (old && tooOld(old, transport.date)) {
      const detail = 'the server no longer remembers whether it made this';
      return this.#park(n, { status: 0, code: 'too_old', detail, fields: {}, outcome: 'unknown' });
    }
    if (!(await this.#commit((state) => freeze(state, n, transport.date)))) return;
    const entry = find(this.#state, n);
    if (!entry || this.#closed) return;
    let answer: Answer;
    try {
      answer = await transport.once(requestOf(entry), this.#abort.signal);
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof Problem)) throw error;
      return this.#refused(entry, error);
    }
    this.#all = NO_WAIT;
    const receipt = answer.receipt as Receipt; // every answer to a write has one
    await this.#acknowledge(entry, receipt, knownOf(this.#shape(entry), entry, answer));
  }

  #shape({ resource }: { readonly resource: string }): Shape {
    return this.#shapes.get(resource) ?? shape(resource, {});
  }

  async #acknowledge(entry: Entry, receipt: Receipt, known: Known | undefined): Promise<void> {
    const session = this.client.session;
    const done = await this.#commit((state) => acknowledge(state, entry.n, receipt, known, session));
    this.#waits.delete(entry.n);
    if (done) this.#options.onReceipt?.(entry, receipt);
  }

  /** Deals with a request that was refused or not answered. */
  async #refused(entry: Entry, problem: Problem): Promise<void> {
    const { n, kind } = entry;
    const { status, code } = problem;
    if (status === 401 || status === 403) {
      this.#stopped = problem;
      await this.#commit((state) => postpone(state, n));
      return this.#tellState();
    }
    if (!isPassing(status)) {
      this.#all = NO_WAIT;
      const tried = (find(this.#state, n) ?? entry).unknown > 0;
      if (tried && kind === 'create' && code === 'exists') return this.#made(entry);
      const gone = tried && kind === 'delete' && status === 410;
      if (gone) return this.#acknowledge(entry, receiptOf('deleted', problem.version ?? 0), undefined);
      return this.#park(n, refusal(problem));
    }
    await this.#commit((state) => (problem.outcome === 'unknown' ? doubt(state, n) : postpone(state, n)));
    const general = status < 500 || code === 'unavailable';
    if (general) this.#all = longer(this.#all, problem.retryAfter);
    else this.#wait(n, problem.retryAfter);
  }

  /** Reads the record of a creation whose first request got no answer, and acknowledges it. */
  async #made(entry: Entry): Promise<void> {
    const { resource, id, n } = entry;
    try {
      const path = `${resource}/${encodeURIComponent(id)}`;
      const answer = await this.client.transport.once({ method: 'GET', path }, this.#abort.signal);
      const known = knownOf(this.#shape(entry), entry, answer);
      await this.#acknowledge(entry, receiptOf('created', known?.version ?? 0), known);
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof Problem)) throw error;
      // It was made, and deleted since.
      if (error.status === 410) return this.#acknowledge(entry, receiptOf('created', error.version ?? 0), undefined);
      await this.#commit((state) => doubt(state, n));
      this.#wait(n, error.retryAfter);
    }
  }

  async #park(n: number, problem: Refusal): Promise<void> {
    const step = await this.#commit((state) => park(state, n, problem));
    for (const entry of step?.put ?? []) this.#options.onParked?.(entry);
  }

  #wait(n: number, after?: number): void {
    this.#waits.set(n, longer(this.#waits.get(n) ?? NO_WAIT, after));
  }

  /** Asks the browser to keep the store. */
  #persist(): void {
    if (this.#persisted || !this.#store.durable) return;
    const asked = globalThis.navigator?.storage?.persist?.();
    asked?.then((persisted) => {
      this.#persisted = persisted;
      this.#tellState();
    }, () => undefined);
  }
}

/** Tells failures of the store from those of an entry. */
async function guarded<R>(work: Promise<R>): Promise<R> {
  return work.catch((cause: unknown) => Promise.reject(new StoreError(cause)));
}
