/**
 * How an open page hears of the changes of others, and tells others what is open here. The client's live channel does
 * both, with one socket for all tabs of a person. Where the host has none, the channel asks for changes.
 */

import { Client } from '../../clients/typescript/src/client.ts';
import type { Event, Place } from '../../clients/typescript/src/live.ts';
import type { Members } from '../../clients/typescript/src/json.ts';
import type { OutboxResource } from '../../clients/typescript/src/outbox.ts';
import { Problem } from '../../clients/typescript/src/problem.ts';
import type { Resource } from '../../clients/typescript/src/resource.ts';
import { shared, type SharedLive } from '../../clients/typescript/src/tabs.ts';
import { sleep } from '../../clients/typescript/src/transport.ts';
import type { Connection } from './connection.ts';
import { titleOf, type Kind } from './kinds.ts';

/** The time between two attempts after a failure, in milliseconds. */
const AGAIN = 5_000;
/** The reads of a record, a second apart, until the host shows the version of which the page has heard. */
const READS = 3;
/** The time for which a place must stay the same before others are told, in milliseconds. */
const SETTLED = 300;

/** The changes of one resource, and the people who look at its records. */
export class Following {
  readonly #connection: Connection;
  readonly #kind: Kind;
  readonly #known: OutboxResource;
  readonly #resource: Resource;
  readonly #wake: Wake;
  readonly #ended = new AbortController();
  #channel: SharedLive<Members> | undefined;
  #place: Place | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, kind: Kind) {
    const { signal } = this.#ended;
    this.#connection = connection;
    this.#kind = kind;
    this.#known = connection.resource(kind);
    this.#wake = new Wake(connection, signal);
    const { key } = connection.client;
    const { fetch, person: author, url } = connection;
    const client = new Client(url, { key, author, fetch, sleep: this.#wake.sleep });
    this.#resource = client.resource(kind.resource, kind.options);
    connection.on('switched', () => connection.offline && this.#channel?.close(), signal);
    void this.#run();
  }

  /** Tells the others on a record what is open here. */
  present(place: Place | undefined): void {
    this.#place = place;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#channel?.present(place), SETTLED);
  }

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#settling);
    this.#channel?.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        if (!this.#connection.offline) await this.#listen();
        if (!signal.aborted) await this.#wake.sleep(AGAIN * 12, signal);
      } catch (error) {
        if (signal.aborted) return;
        const { status = 0 } = error instanceof Problem ? error : {};
        if (status === 401 || status === 403) return; // the outbox says it
        if (status === 400) this.#keep(undefined);
        await this.#wake.sleep(AGAIN, signal).catch(() => undefined);
      }
    }
  }

  /** Hears of changes until the channel ends. */
  async #listen(): Promise<void> {
    const { resource } = this.#kind;
    const since = this.#position;
    let refused: Problem | undefined;
    const channel = shared<Members>(this.#connection.name, this.#resource, {
      since,
      // Without a position, the views were read before the channel began.
      onOpen: () => this.#position === undefined && this.#connection.heard({ resource, deleted: false }),
      onPresence: (id, who, more) => this.#connection.met({ resource, id, who, more }),
      onProblem: (problem) => (refused = problem),
    });
    this.#channel = channel;
    channel.present(this.#place);
    try {
      for await (const event of channel) {
        await this.#heard(event);
        this.#keep(event.cursor);
      }
    } finally {
      if (this.#channel === channel) this.#channel = undefined;
    }
    if (refused) throw refused;
  }

  /** Reads a record that the device has, and tells the views. */
  async #heard({ id, version = 0, deleted, by, author, lost = [] }: Event): Promise<void> {
    const { resource } = this.#kind;
    const isOld = (): boolean => !((this.#known.view(id)?.version ?? Infinity) >= version);
    const before = this.#known.view(id)?.version;
    for (let reads = 0; !deleted && reads < READS && isOld(); reads++) {
      if (reads) await sleep(1_000, this.#ended.signal);
      await this.#known.get(id).catch(() => undefined); // the next reading of the record tells why
    }
    // The views have shown an own save already, if its answer came before.
    const isOwn = author?.id === this.#connection.person.id;
    if (!isOwn || deleted || !((before ?? -1) >= version))
      this.#connection.heard({ resource, id, deleted, by: isOwn ? undefined : (author?.name ?? by) });
    const own = lost.filter(([, whose]) => whose === this.#connection.person.id).map(([field]) => field);
    if (isOwn || !own.length) return;
    const title = titleOf(this.#kind, this.#known.view(id)?.value, id);
    this.#connection.overwritten({ resource, id, title, by: author?.name ?? by ?? 'somebody', fields: own });
  }

  /** Where this device goes on to hear of changes. */
  get #position(): string | undefined {
    return localStorage.getItem(this.#connection.nameOf(`cursor.${this.#kind.resource}`)) ?? undefined;
  }

  #keep(cursor: string | undefined): void {
    const name = this.#connection.nameOf(`cursor.${this.#kind.resource}`);
    if (cursor === undefined) localStorage.removeItem(name);
    else localStorage.setItem(name, cursor);
  }
}

/** Ends the waits between two questions early, when there is a reason to ask now. */
class Wake {
  #now: (() => void) | undefined;

  constructor(connection: Connection, signal: AbortSignal) {
    const wake = (): void => this.#now?.();
    // Another tab of this browser has just saved.
    const channel = new BroadcastChannel('ripple:saved');
    channel.onmessage = wake;
    connection.on('receipt', () => channel.postMessage(null), signal);
    connection.on('switched', wake, signal);
    signal.addEventListener('abort', () => channel.close());
    window.addEventListener('online', wake, { signal });
    document.addEventListener('visibilitychange', () => document.hidden || wake(), { signal });
  }

  readonly sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    Promise.race([sleep(milliseconds, signal), new Promise<void>((resolve) => (this.#now = resolve))]);
}
