/** An outbox on a server that the test plays. */

import { afterEach } from 'node:test';

import { Client } from '../src/index.ts';
import { Outbox, type Entry, type OutboxOptions } from '../src/outbox.ts';
import { write } from '../src/json.ts';
import { MemoryStore } from '../src/outbox/memory.ts';

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  answer(response: Response | Error): void;
}

/** A server that answers when the test says so, except those who ask for the time. */
export class Played {
  readonly #sent: Sent[] = [];
  readonly #waiting: ((sent: Sent) => void)[] = [];
  /** What its clock shows, in milliseconds; `undefined` if its answers have no date. */
  date: number | undefined = 1_764_000_000_000;
  /** Whether it can be reached by those who ask for the time. */
  up = true;
  /** The number of requests that asked for the time. */
  asked = 0;

  readonly fetch: typeof fetch = (input, init = {}) =>
    new Promise((resolve, reject) => {
      if (new URL(String(input)).pathname === '/health') {
        this.asked++;
        return this.up ? resolve(this.#health()) : reject(NETWORK);
      }
      init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      const sent: Sent = {
        method: init.method ?? 'GET',
        path: new URL(String(input)).pathname,
        headers: new Headers(init.headers),
        body: init.body as string | undefined,
        answer: (response) => (response instanceof Error ? reject(response) : resolve(response)),
      };
      const waiting = this.#waiting.shift();
      if (waiting) waiting(sent);
      else this.#sent.push(sent);
    });

  /** Returns the next request, once it comes. */
  async next(): Promise<Sent> {
    return this.#sent.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  get idle(): boolean {
    return this.#sent.length === 0;
  }

  #health(): Response {
    const headers = this.date === undefined ? {} : { date: new Date(this.date).toUTCString() };
    return new Response('{"status":"ok"}', { headers });
  }
}

const opened: Outbox[] = [];
afterEach(async () => {
  for (const outbox of opened.splice(0)) await outbox.close();
});

export async function start(
  more: Partial<OutboxOptions> & { url?: string } = {},
): Promise<{ server: Played; outbox: Outbox; parked: () => Promise<Entry>; client: Client }> {
  const server = new Played();
  const client = new Client(more.url ?? 'http://ripple.example', {
    key: 'k',
    fetch: server.fetch,
    author: { name: 'Bo', id: 'u7' },
  });
  const entries: Entry[] = [];
  let told: (() => void) | undefined;
  const outbox = await Outbox.open(client, {
    store: new MemoryStore(),
    account: 'bo',
    onParked: (entry) => {
      entries.push(entry);
      told?.();
    },
    onState: ({ uncertain }) => uncertain && setImmediate(() => outbox.resume()),
    ...more,
  });
  opened.push(outbox);
  const parked = async (): Promise<Entry> => {
    if (!entries.length) await new Promise<void>((resolve) => (told = resolve));
    return entries.shift() as Entry;
  };
  return { server, outbox, parked, client };
}

export function saved(body: object, version = 1, status = 200): Response {
  return new Response(write({ ...body, version }), {
    status,
    headers: { 'ripple-receipt': `result=saved, version=${version}`, 'ripple-session': `s${version}` },
  });
}

export function refused(status: number, code: string, more: object = {}): Response {
  return new Response(JSON.stringify({ status, code, detail: code, ...more }), { status });
}

export const NETWORK = new TypeError('fetch failed');
