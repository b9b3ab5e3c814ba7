/**
 * One live channel for all tabs of a browser profile. The tab that holds a lock has the socket, and tells the others
 * what it hears. A hidden tab hands over to a visible one. A socket has one place, so a visible tab with another record
 * has a second socket, for the people there.
 */

import { Live, type Event, type LiveOptions, type Place, type Present } from './live.ts';
import { isHidden, page } from './page.ts';
import type { Resource } from './resource.ts';

/** What tabs tell each other. */
type Told =
  | { readonly event: Event }
  | { readonly room: readonly [string, readonly Present[], number] }
  /** What is open in the sender, which is visible and has no socket. */
  | { readonly place: Place | undefined }
  /** The record that is open in the sender, which has the socket. `''` if there is none. */
  | { readonly at: string }
  /** The sender has the socket and is hidden. */
  | { readonly hidden: true }
  /** The sender is visible and has no socket. */
  | { readonly wanted: true };

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
  #room: readonly [string, readonly Present[], number] = ['', [], 0];
  #place: Place | undefined;
  /** The record that is open in the tab with the socket. */
  #at: string | undefined;
  /** The channel, as long as this tab has it. */
  #live: Live<T> | undefined;
  /** The channel for the people on the record of this tab, as long as another tab has the socket and another record. */
  #apart: Live<T> | undefined;
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

  /** Who else has a record open, as far as it is the one that is open here. */
  who(id: string): readonly Present[] {
    return this.#room[0] === id ? this.#room[1] : [];
  }

  /** Says what is open here. Of tabs with one record, others see what the person does in the one that said it last. */
  present(place: Place | undefined): void {
    this.#place = place;
    if (isHidden()) return;
    if (this.#live) {
      this.#live.present(place);
      this.#lead();
    } else if (place && (this.#at ?? place.id) !== place.id) {
      if (!this.#apart) void this.#part((this.#apart = this.#open()));
      this.#apart.present(place);
    } else {
      this.#join();
      this.#tell({ place });
    }
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
      this.#join();
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
    this.#join();
    this.#live?.close();
  };

  /** Keeps a channel whose events come from the other tab too. */
  async #part(apart: Live<T>): Promise<void> {
    try {
      for await (const _ of apart);
    } catch {
      // Without it, only the people on the record are not known.
    }
  }

  /** Has no channel beside that of another tab any more. */
  #join(): void {
    this.#apart?.close();
    this.#apart = undefined;
  }

  /** Tells the other tabs which record is open here, if this one has a socket. */
  #lead = (): void => {
    if (this.#live?.state === 'open') this.#tell({ at: this.#place?.id ?? '' });
  };

  /** Has the socket until another tab takes over, or the channel ends for good. */
  async #hold(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#isHandingOver = false;
    this.#join();
    const live = this.#open();
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

  #open(): Live<T> {
    const live: Live<T> = new Live<T>(this.#resource, {
      ...this.#options,
      since: this.#heard,
      onOpen: () => {
        if (live === this.#live) {
          this.#lead();
          this.#options.onOpen?.();
        }
      },
      onPresence: (...room) => {
        if (live === this.#live) this.#tell({ room });
        this.#meet(room);
      },
      onProblem: (problem) => live === this.#live && this.#options.onProblem?.(problem),
    });
    return live;
  }

  #hear(told: Told): void {
    if ('event' in told) this.#take(told.event, () => undefined);
    else if ('room' in told) this.#meet(told.room);
    else if ('at' in told) {
      this.#at = told.at;
      if (this.#place) this.present(this.#place);
    } else if ('place' in told) {
      const { place = this.#place } = told;
      if (place?.id === this.#place?.id) this.#live?.present(place);
      else this.#lead();
    } else if ('hidden' in told) isHidden() || this.#tell({ wanted: true });
    else if (this.#live && isHidden()) this.#leave();
  }

  #take(event: Event, taken: () => void): void {
    this.#heard = event.cursor;
    this.#events.push([event, taken]);
    this.#wake();
  }

  #meet(room: readonly [string, readonly Present[], number]): void {
    if (room[0] !== (this.#place?.id ?? room[0])) return;
    this.#room = room;
    this.#options.onPresence?.(...room);
  }

  #tell(told: Told): void {
    if (!this.#ended.signal.aborted) this.#channel.postMessage(told);
  }
}
