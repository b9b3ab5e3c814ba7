/**
 * One live channel for all tabs of a browser profile. The tab that holds a lock has the socket, and tells the others
 * what it hears. A hidden tab hands over to a visible one.
 */

import { Live, type Event, type LiveOptions, type Place, type Present } from './live.ts';
import type { Resource } from './resource.ts';

/** What tabs tell each other. */
type Told =
  | { readonly event: Event }
  | { readonly room: readonly [string, readonly Present[], number] }
  /** What is open in the sender, which is visible. */
  | { readonly place: Place | undefined }
  /** The sender has the socket and is hidden. */
  | { readonly hidden: true }
  /** The sender is visible and has no socket. */
  | { readonly wanted: true };

/** The part of a page that tells whether it is seen. */
interface Page {
  readonly document?: EventTarget & { readonly hidden: boolean };
  addEventListener?(type: string, listener: () => void, options: { signal: AbortSignal }): void;
}
const page = globalThis as Page;
const isHidden = (): boolean => page.document?.hidden ?? false;

/**
 * Opens the live channel of a resource for all tabs that use the same name, such as that of an account's store.
 * Without Web Locks, each tab has a channel of its own.
 */
export function shared<T>(name: string, resource: Resource<T, unknown>, options: LiveOptions = {}): SharedLive<T> {
  return new SharedLive<T>(name, resource, options);
}

/** The changes of a resource as they come, from the socket of this tab or of another one. It can be iterated once. */
export class SharedLive<T> implements AsyncIterable<Event> {
  /** Where a reader goes on that has dealt with every event so far. */
  cursor: string | undefined;
  readonly #resource: Resource<T, unknown>;
  readonly #options: LiveOptions;
  readonly #lock: string;
  readonly #channel: BroadcastChannel;
  readonly #ended = new AbortController();
  /** Events that the reader has not taken yet, each with what to call then. */
  readonly #events: (readonly [Event, () => void])[] = [];
  /** The cursor of the newest event that was heard of. */
  #heard: string | undefined;
  #room: readonly [string, readonly Present[]] = ['', []];
  #place: Place | undefined;
  /** The channel, as long as this tab has it. */
  #live: Live<T> | undefined;
  /** The request for the lock, as long as it waits. */
  #request: AbortController | undefined;
  #isHandingOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = (): void => undefined;

  constructor(name: string, resource: Resource<T, unknown>, options: LiveOptions) {
    this.#resource = resource;
    this.#options = options;
    this.cursor = this.#heard = options.since;
    this.#lock = `ripple:live:${name}:${resource.shape.resource}`;
    this.#channel = new BroadcastChannel(this.#lock);
    this.#channel.onmessage = ({ data }) => this.#hear(data as Told);
  }

  /** Whether this tab has the socket. */
  get leads(): boolean {
    return this.#live !== undefined;
  }

  /** Who else has a record open, as far as it is the one that was told last. */
  who(id: string): readonly Present[] {
    return this.#room[0] === id ? this.#room[1] : [];
  }

  /** Says what is open here. Others see the place of the tab that said it last. */
  present(place: Place | undefined): void {
    this.#place = place;
    if (isHidden()) return;
    if (this.#live) this.#live.present(place);
    else this.#tell({ place });
  }

  /** Ends the iteration. */
  close(): void {
    if (this.#ended.signal.aborted) return;
    if (this.#place && !this.#live) this.#tell({ place: undefined });
    this.#leave();
    this.#ended.abort();
    this.#channel.close();
    // The lock is not kept for an event that is not taken any more.
    for (const [, taken] of this.#events.splice(0)) taken();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    const { signal } = this.#ended;
    for (const target of [page, page.document]) {
      for (const type of ['pagehide', 'freeze']) target?.addEventListener?.(type, this.#leave, { signal });
      for (const type of ['pageshow', 'resume', 'visibilitychange'])
        target?.addEventListener?.(type, this.#look, { signal });
    }
    this.#look();
    try {
      while (!signal.aborted && !this.#failure) {
        const [next] = this.#events;
        if (!next) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
          continue;
        }
        const [event, taken] = next;
        yield event;
        this.#events.shift();
        this.cursor = event.cursor;
        taken();
      }
      if (this.#failure) throw this.#failure.error;
    } finally {
      this.close();
    }
  }

  /** Stands in line for the lock if the tab is visible, and leaves the line if it is not. */
  #look = (): void => {
    if (isHidden()) {
      this.#request?.abort();
      if (this.#live) this.#tell({ hidden: true });
      return;
    }
    this.present(this.#place);
    if (this.#live || this.#request) return;
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    if (!locks) return void this.#hold();
    const request = (this.#request = new AbortController());
    const done = (): void => {
      if (this.#request === request) this.#request = undefined;
    };
    locks.request(this.#lock, { signal: request.signal }, () => (done(), this.#hold())).catch(done);
    this.#tell({ wanted: true });
  };

  /** Gives up the lock, or the place in the line. */
  #leave = (): void => {
    this.#request?.abort();
    this.#isHandingOver = true;
    this.#live?.close();
  };

  /** Has the socket until another tab takes over, or the channel ends for good. */
  async #hold(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#isHandingOver = false;
    const { onPresence } = this.#options;
    const live = new Live<T>(this.#resource, {
      ...this.#options,
      since: this.#heard,
      onPresence: (...room) => {
        this.#tell({ room });
        this.#meet(room);
        onPresence?.(...room);
      },
    });
    this.#live = live;
    live.present(this.#place);
    try {
      for await (const event of live) {
        this.#tell({ event });
        await new Promise<void>((taken) => this.#take(event, taken));
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#live = undefined;
    if (this.#failure) this.#wake();
    else if (!this.#isHandingOver) this.close();
  }

  #hear(told: Told): void {
    if ('event' in told) this.#take(told.event, () => undefined);
    else if ('room' in told) {
      this.#meet(told.room);
      this.#options.onPresence?.(...told.room);
    } else if ('place' in told) this.#live?.present(told.place ?? this.#place);
    else if ('hidden' in told) isHidden() || this.#tell({ wanted: true });
    else if (this.#live && isHidden()) this.#leave();
  }

  #take(event: Event, taken: () => void): void {
    this.#heard = event.cursor;
    this.#events.push([event, taken]);
    this.#wake();
  }

  #meet([id, who]: readonly [string, readonly Present[], number]): void {
    this.#room = [id, who];
  }

  #tell(told: Told): void {
    if (!this.#ended.signal.aborted) this.#channel.postMessage(told);
  }
}
