/** The client of this tab with its outbox, and what the page hears of both. */

import { Client } from '../../clients/typescript/src/client.ts';
import { databaseName, Outbox, type Entry, type OutboxResource } from '../../clients/typescript/src/outbox.ts';
import { openIndexedDb } from '../../clients/typescript/src/outbox/indexeddb.ts';
import { MemoryStore } from '../../clients/typescript/src/outbox/memory.ts';
import { read } from '../../clients/typescript/src/outbox/request.ts';
import type { Members } from '../../clients/typescript/src/json.ts';
import type { Present } from '../../clients/typescript/src/live.ts';
import type { Receipt } from '../../clients/typescript/src/receipt.ts';
import type { Record } from '../../clients/typescript/src/record.ts';
import { kindsOf, titleOf, type Kind } from './kinds.ts';
import type { Session } from './session.ts';

/** The author of what this tab writes. */
export interface Person {
  readonly name: string;
  /** The id on this device. The name of the person's store is made of it. */
  readonly id: string;
}

/** A write that the server has acknowledged. */
export interface Written {
  readonly n: number;
  readonly resource: string;
  readonly id: string;
  readonly kind: Entry['kind'];
  readonly title: string;
  /** The version that a restoration brings back. */
  readonly restores?: string;
}

/** A receipt with what it is for. */
export interface Told {
  readonly written: Written;
  readonly receipt: Receipt;
}

/** Another writer has replaced values of the person, and had not seen them. */
export interface Overwritten {
  readonly resource: string;
  readonly id: string;
  readonly title: string;
  /** The other writer. */
  readonly by: string;
  /** JSON Pointers. */
  readonly fields: readonly string[];
}

/** What a connection tells, by the name of the event. */
interface Events {
  /** What is shown of a record may have changed. */
  change: { readonly resource: string; readonly id: string };
  /** The server told of a change. Without an id: of any record. `by`: the other writer. */
  live: {
    readonly resource: string;
    readonly id?: string;
    readonly deleted: boolean;
    readonly by?: string | undefined;
  };
  /** Others came to a record, or left it. */
  met: {
    readonly resource: string;
    readonly id: string;
    readonly who: readonly Present[];
    /** The number of those who are not named. */
    readonly more: number;
  };
  overwritten: Overwritten;
  receipt: Told;
  parked: Entry;
  state: undefined;
  /** The author has switched the network off or on. */
  switched: undefined;
}

/** The most receipts that are kept for display. */
const KEPT = 50;

export class Connection {
  readonly url: string;
  readonly person: Person;
  readonly client: Client;
  readonly kinds: readonly Kind[];
  /** The receipts of this tab, newest first. */
  readonly told: Told[] = [];
  outbox!: Outbox;
  /** The name of the person's store on this device. */
  readonly name: string;
  readonly #events = new EventTarget();
  readonly #resources = new Map<string, OutboxResource>();
  readonly #tabs: BroadcastChannel;

  static async open({ key, person }: Session, kinds: readonly Kind[]): Promise<Connection> {
    const connection = new Connection(key, person, kinds);
    await connection.#open();
    return connection;
  }

  private constructor(key: string, person: Person, found: readonly Kind[]) {
    this.url = base();
    this.person = person;
    this.kinds = found;
    this.name = databaseName(this.url, person.id);
    this.client = new Client(this.url, { key, author: person, fetch: this.fetch });
    this.#tabs = new BroadcastChannel(`ripple:told:${this.name}`);
    this.#tabs.onmessage = ({ data }) => this.#tell(data as Told);
    window.addEventListener('storage', ({ key: changed }) => changed === this.#switch && this.#switched());
  }

  async #open(): Promise<void> {
    const store = await openIndexedDb(this.name).catch(() => new MemoryStore());
    this.outbox = await Outbox.open(this.client, {
      store,
      account: this.person.id,
      paused: this.offline,
      onReceipt: (entry, receipt) => this.#acknowledged(entry, receipt),
      onParked: (entry) => this.#emit('parked', entry),
      onState: () => this.#emit('state', undefined),
      onChange: (resource, id) => this.#emit('change', { resource, id }),
    });
    for (const kind of this.kinds) this.resource(kind);
  }

  /** Sends a request, unless the author has switched the network off. */
  readonly fetch: typeof fetch = (input, init) =>
    this.offline ? Promise.reject(new TypeError('the page is switched offline')) : globalThis.fetch(input, init);

  kind(resource: string): Kind | undefined {
    return this.kinds.find((kind) => kind.resource === resource);
  }

  resource(kind: Kind): OutboxResource {
    let found = this.#resources.get(kind.resource);
    if (!found) this.#resources.set(kind.resource, (found = this.outbox.resource(kind.resource, kind.options)));
    return found;
  }

  /** Returns the entries that the server refused, of one record or of all. */
  parked(resource?: string, id?: string): Entry[] {
    return this.outbox
      .entries()
      .filter((entry) => entry.state === 'parked' && (!resource || (entry.resource === resource && entry.id === id)));
  }

  /** Keeps whole records that were read, for the time without a network. */
  async keep(kind: Kind, records: readonly Record<Members>[]): Promise<void> {
    const known = records.filter(({ partial, pending }) => !partial && !pending);
    await this.outbox.learn(known.map((record) => read(kind.resource, record)));
  }

  /** Whether the author has switched the network off. All tabs of one person share the switch. */
  get offline(): boolean {
    return localStorage.getItem(this.#switch) !== null;
  }

  set offline(offline: boolean) {
    if (offline) localStorage.setItem(this.#switch, '1');
    else localStorage.removeItem(this.#switch);
    this.#switched();
  }

  /** Listens until the signal is aborted. */
  on<Name extends keyof Events>(name: Name, heard: (event: Events[Name]) => void, signal: AbortSignal): void {
    this.#events.addEventListener(name, (event) => heard((event as CustomEvent<Events[Name]>).detail), { signal });
  }

  heard(event: Events['live']): void {
    this.#emit('live', event);
  }

  overwritten(event: Overwritten): void {
    this.#emit('overwritten', event);
  }

  met(event: Events['met']): void {
    this.#emit('met', event);
  }

  /** Returns the name under which this device stores something of the person. */
  nameOf(thing: string): string {
    return `ripple.${thing}.${this.name}`;
  }

  get #switch(): string {
    return this.nameOf('offline');
  }

  #switched(): void {
    this.outbox.pause(this.offline);
    this.#emit('switched', undefined);
  }

  #acknowledged(entry: Entry, receipt: Receipt): void {
    const { n, resource, id, kind, path, set } = entry;
    const found = this.kind(resource);
    const members = found && (this.resource(found).view(id)?.value ?? set);
    const title = found ? titleOf(found, members, id) : id;
    const restores = /\/versions\/(-?\d+)$/.exec(path)?.[1];
    const told = { written: { n, resource, id, kind, title, ...(restores && { restores }) }, receipt };
    this.#tabs.postMessage(told);
    this.#tell(told);
  }

  #tell(told: Told): void {
    this.told.unshift(told);
    this.told.length = Math.min(this.told.length, KEPT);
    this.#emit('receipt', told);
  }

  #emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Returns the address of the API: the folder of this page. */
function base(): string {
  return new URL('.', location.href).href;
}

/** Returns the kinds of records of the host that serves this page. */
export async function kindsHere(): Promise<Kind[]> {
  const answer = await fetch(new URL('openapi.json', base()));
  if (!answer.ok) throw new Error(`openapi.json is answered with ${answer.status}`);
  return kindsOf(await answer.text());
}
