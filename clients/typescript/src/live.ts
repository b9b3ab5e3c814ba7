/** The live channel: the changes of a resource over a WebSocket (`ripple.v1`), or by asking where there is none. */

import { Changes } from './changes.ts';
import type { Members } from './json.ts';
import { Problem } from './problem.ts';
import type { Author } from './record.ts';
import type { Resource } from './resource.ts';

/** A change that the client has heard of. It does not have the record. */
export interface Event {
  readonly id: string;
  /** The version. A deletion that was asked for does not tell it. */
  readonly version?: number | undefined;
  readonly deleted: boolean;
  /** The changed fields, as JSON Pointers. An empty one means any field. */
  readonly fields: readonly string[];
  /** Values of others that the write replaced, although its author had not seen them. Not told by asking. */
  readonly lost?: readonly Lost[] | undefined;
  readonly at?: number | undefined;
  readonly by?: string | undefined;
  readonly author?: Author | undefined;
  /** Where to go on, to be stored once the change is dealt with. */
  readonly cursor: string | undefined;
}

/** A JSON Pointer to a value, the id of the person who wrote it (empty if none is known), and the version of that. */
export type Lost = readonly [field: string, author: string, version: number];

/** The record that a person has open, and what the person does with it. */
export interface Place {
  readonly id: string;
  readonly state: 'view' | 'edit';
  readonly field?: string;
}

/** A person who has a record open. */
export interface Present {
  readonly author: Author;
  readonly state: 'view' | 'edit';
  readonly field?: string;
}

/** What opens a socket. A page gets it from its own server, which has the key. */
export interface Ticket {
  readonly ticket: string;
  /** The address of the socket, relative to the resource. */
  readonly url: string;
}

export interface LiveOptions {
  /** Where an earlier reader was. Without it: only what comes. */
  readonly since?: string | undefined;
  /**
   * Returns a new ticket. Default: asks the API with the client's key. If it throws, the channel asks again later,
   * except after a `Problem` that refuses for good.
   */
  readonly ticket?: () => Promise<Ticket>;
  /** Hears that a socket is open. What was read before may lack a change, if there was no position. */
  readonly onOpen?: () => void;
  /** Hears of people who come to the record that is open here, or leave it. */
  readonly onPresence?: (id: string, who: readonly Present[], more: number) => void;
  /** Hears why the channel has ended for good. */
  readonly onProblem?: (problem: Problem) => void;
}

export type State = 'idle' | 'ticket' | 'connecting' | 'open' | 'waiting' | 'stopped';
/** `live` over a socket, or `wait` with requests that are held, if the host does so. */
export type Mode = 'live' | 'wait';

/** Times in milliseconds, as the protocol has them. */
const SILENCE = 30_000;
const PONG = 10_000;
const LONGEST = 60_000;
const WAITING = 600_000;
const HIDDEN = 60_000;
/** The events, and the characters of their frames, after which they are acknowledged. */
const ACK = 32;
const ACK_SIZE = 8192;
/** The upgrades that may fail in a row. A proxy may not let them through. */
const UPGRADES = 3;

/** The records of which a reader remembers the version that it was told. */
const REMEMBERED = 10_000;

interface Page {
  readonly document?: { readonly hidden: boolean };
  addEventListener?(type: string, listener: () => void, options?: { signal: AbortSignal }): void;
}
const page = globalThis as Page;
const isHidden = (): boolean | undefined => page.document?.hidden;

/** Opens the live channel of a resource. It connects when it is iterated. */
export function live<T>(resource: Resource<T, unknown>, options: LiveOptions = {}): Live<T> {
  return new Live<T>(resource, options);
}

/** The changes of a resource as they come. It can be iterated once. */
export class Live<T> implements AsyncIterable<Event> {
  state: State = 'idle';
  mode: Mode = 'live';
  readonly #resource: Resource<T, unknown>;
  readonly #options: LiveOptions;
  readonly #ended = new AbortController();
  readonly #known = new Map<string, number>();
  /** The record that is open here, and who else has it open. */
  #room: readonly [string, readonly Present[]] = ['', []];
  #base: string | undefined;
  #seq = '';
  #socket: WebSocket | undefined;
  #place: Place | undefined;
  #wake = (): void => undefined;
  #failures = 0;
  #unopened = 0;
  #frames: string[] = [];

  constructor(resource: Resource<T, unknown>, options: LiveOptions) {
    this.#resource = resource;
    this.#options = options;
    const [base, seq] = (options.since ?? '').split('~');
    this.#base = base || undefined;
    this.#seq = seq ? `~${seq}` : '';
  }

  /** Where a reader goes on that has dealt with every event so far. */
  get cursor(): string | undefined {
    return this.#base === undefined ? undefined : this.#base + this.#seq;
  }

  /** Who else has a record open, as far as it is the one that is open here. */
  who(id: string): readonly Present[] {
    return this.#room[0] === id ? this.#room[1] : [];
  }

  /** Says what is open here. */
  present(place: Place | undefined): void {
    this.#place = place;
    if (this.state === 'open') this.#send({ presence: place ?? null });
  }

  /** Ends the iteration. */
  close(): void {
    this.state = 'stopped';
    this.#ended.abort();
    this.#drop(1000);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    const { signal } = this.#ended;
    const leave = (): void => this.#socket?.close(1000);
    const now = (): void => {
      if (isHidden()) setTimeout(() => isHidden() && leave(), HIDDEN);
      else this.#failures = 0;
      this.#wake();
    };
    for (const type of ['online', 'pageshow', 'visibilitychange'])
      page.addEventListener?.(type, now, { signal });
    for (const type of ['pagehide', 'freeze']) page.addEventListener?.(type, leave, { signal });
    try {
      while (!signal.aborted) {
        let wait: number;
        try {
          wait = this.mode === 'live' ? yield* this.#connect() : yield* this.#ask();
        } catch (error) {
          wait = this.#later(error);
        }
        if (signal.aborted) return;
        this.state = 'waiting';
        await this.#pause(wait);
        while (isHidden() && !signal.aborted) await this.#pause(WAITING);
      }
    } finally {
      this.close();
    }
  }

  /** Asks for changes for ten minutes, and then tries the socket again. */
  async *#ask(): AsyncGenerator<Event, number, undefined> {
    const signal = AbortSignal.any([AbortSignal.timeout(WAITING), this.#ended.signal]);
    try {
      yield* this.#changes({ since: this.#base, wait: 25, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    this.mode = 'live';
    return 0;
  }

  /** Reads changes by asking. A reader whose cursor is too old hears of every record. */
  async *#changes(how: { since: string | undefined; wait?: number; signal: AbortSignal }): AsyncGenerator<Event, void> {
    const { transport, shape } = this.#resource;
    const changes = new Changes<T>(transport, shape, how);
    this.#seq = '';
    try {
      for await (const { id, version, record, deleted, cursor } of changes) {
        const event = { id, version, deleted, fields: [''], ...record?.updated, cursor };
        if (this.#isNew(event)) yield event;
        this.#base = cursor ?? this.#base;
      }
      this.#base = changes.cursor;
    } catch (error) {
      if ((error as Problem).code !== 'cursor_expired') throw error;
      this.#base = undefined;
      yield* this.#changes({ ...how, since: undefined });
    }
  }

  /** Serves one socket to its end. Returns the milliseconds to wait. */
  async *#connect(): AsyncGenerator<Event, number, undefined> {
    const wait = await this.#open();
    if (wait !== undefined) return wait;
    const begun = Date.now();
    let events = 0;
    let size = 0;
    for (;;) {
      const text = await this.#frame();
      if (text === undefined) break;
      const frame = JSON.parse(text) as Members;
      if ('hello' in frame) {
        const own = this.#base;
        this.#unopened = 0;
        this.state = 'open';
        this.#options.onOpen?.();
        if (this.#place) this.#send({ presence: this.#place });
        // What was missed is read from the own cursor. What follows on the socket waits until then.
        if (frame.resync && own !== undefined) yield* this.#changes({ since: own, signal: this.#ended.signal });
        this.#base = String(frame.cursor);
        this.#seq = `~${String(frame.epoch)}.${String(frame.seq)}`;
      } else if ('presence' in frame) this.#hear(frame);
      else if ('mark' in frame) this.#base = String(frame.mark);
      else if ('id' in frame) {
        const seq = this.#seq.replace(/\d+$/, String(frame.seq));
        const event = eventOf(frame, String(this.#base) + seq);
        if (this.#isNew(event)) yield event;
        this.#seq = seq;
        events++;
        size += text.length;
        if (events >= ACK || size >= ACK_SIZE) {
          this.#send({ ack: Number(frame.seq) });
          events = size = 0;
        }
      }
    }
    if (Date.now() - begun > LONGEST) this.#failures = 0;
    return this.#after();
  }

  /** Opens a socket. Returns the milliseconds to wait if there is none. */
  async #open(): Promise<number | undefined> {
    this.state = 'ticket';
    const { transport, shape, author } = this.#resource;
    const headers = author === undefined ? {} : { 'ripple-author': author };
    const path = `${shape.resource}/_ticket`;
    let ticket: Ticket;
    let url: URL;
    try {
      ticket = this.#options.ticket
        ? await this.#options.ticket()
        : ((await transport.send({ method: 'POST', path, headers, reads: true })).body as unknown as Ticket);
      url = new URL(ticket.url, new URL(path, transport.base));
    } catch (error) {
      // A page's own request fails in its own way.
      if (!(error instanceof Problem)) return this.#later({ status: 0 });
      if ([404, 501].includes(error.status)) {
        this.mode = 'wait';
        return 0;
      }
      return [401, 403].includes(error.status) ? this.#stop(error) : this.#later(error);
    }
    if (this.#ended.signal.aborted) return 0;
    url.protocol = url.protocol.replace('http', 'ws');
    if (this.cursor !== undefined) url.searchParams.set('since', this.cursor);
    this.state = 'connecting';
    this.#frames = [];
    this.#closed = undefined;
    const socket = (this.#socket = new WebSocket(url, ['ripple.v1', `ripple.ticket.${ticket.ticket}`]));
    socket.onmessage = ({ data }) => {
      this.#frames.push(String(data));
      this.#wake();
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return; // it was given up before
      this.#closed = code;
      this.#wake();
    };
    return undefined;
  }

  #closed: number | undefined;

  /** Returns the next frame, or `undefined` at the end. A silent host is asked whether it is there. */
  async #frame(): Promise<string | undefined> {
    for (let asked = false; ;) {
      const text = this.#frames.shift();
      if (text === 'pong') asked = false;
      else if (text !== undefined || this.#closed !== undefined) return text;
      else {
        const due = Date.now() + (asked ? PONG : SILENCE);
        if (await this.#pause(due - Date.now())) continue;
        // A timer that is late by more than this shows that the device has slept.
        const slept = Date.now() - due > SILENCE;
        if (asked || slept || this.#socket?.readyState !== 1) this.#drop(4000);
        else this.#socket.send('ping');
        asked = true;
      }
    }
  }

  /** Returns the milliseconds to wait after a socket has ended. */
  #after(): number {
    const code = this.#closed as number;
    this.#room = ['', []];
    if ([4001, 4003, 4004].includes(code))
      return this.#stop(new Problem(code - 4004 ? 403 : 404, 'closed', `closed with ${code}`));
    if (code === 4008) return 1000;
    if (code === 4009) {
      this.mode = 'wait';
      return 0;
    }
    if (code === 4002 && this.#failures++ === 0) return 0;
    if ([1008, 1009].includes(code)) return SILENCE + this.#backoff();
    if (this.state === 'open') return Math.random() * 5000;
    if (++this.#unopened < UPGRADES) return this.#backoff();
    this.#unopened = 0;
    this.mode = 'wait';
    return 0;
  }

  #stop(problem: Problem): number {
    this.close();
    this.#options.onProblem?.(problem);
    return 0;
  }

  /** Returns the milliseconds to wait after a failure of the network or the host. Throws any other error. */
  #later(error: unknown): number {
    const { status, retryAfter = 0 } = error as Problem;
    if (!([0, 408, 429].includes(status) || status >= 500)) throw error;
    this.#drop(1000);
    return this.#backoff() + retryAfter * 1000;
  }

  /** Gives the socket up, and hears no more of it. */
  #drop(code: number): void {
    this.#closed = code;
    this.#socket?.close(code);
    this.#socket = undefined;
  }

  #backoff(): number {
    return Math.random() * Math.min(LONGEST, 1000 * 2 ** this.#failures++);
  }

  /** Waits, and returns whether something has happened before the time was over. */
  #pause(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #send(frame: { ack: number } | { presence: Place | null }): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #hear({ presence, who, more }: Members): void {
    const people = (who as unknown as readonly [string, string, 'view' | 'edit', string][]).map(
      ([name, id, state, field]) => ({ author: person(name, id), state, ...(field && { field }) }),
    );
    const record = String(presence);
    this.#room = [record, people];
    this.#options.onPresence?.(record, people, Number(more));
  }

  /** Reports whether the client has not heard of the version, and takes note of it. */
  #isNew({ id, version }: Event): boolean {
    if (version === undefined) return true;
    if (version > 0 && version <= (this.#known.get(id) ?? 0)) return false;
    if (this.#known.size > REMEMBERED) this.#known.clear(); // then some are told twice
    this.#known.set(id, version);
    return true;
  }
}

function eventOf(frame: Members, cursor: string): Event {
  const { id, version, updated_at: at, updated_by: by, author, fields, lost, deleted } = frame;
  const [name, own] = (author ?? []) as readonly string[];
  return {
    id: String(id),
    version: Number(version),
    deleted: deleted === true,
    fields: fields as readonly string[],
    lost: lost as readonly Lost[] | undefined,
    at: Number(at),
    by: by as string | undefined,
    author: name ? person(name, own) : undefined,
    cursor,
  };
}

function person(name: string, id: string | undefined): Author {
  return { name, ...(id && { id }) };
}
