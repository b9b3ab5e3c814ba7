/** Lists that span several answers. */

import { Problem } from './problem.ts';
import { isList, type Json } from './json.ts';
import type { Answer, Transport } from './transport.ts';

/** One answer of a list. */
export interface Page<R> {
  readonly records: readonly R[];
  readonly etag?: string;
  /** The age of the copy that was read, in seconds. */
  readonly age?: number;
  /** The number of all matching records, if the server tells it. */
  readonly count?: number;
  /** Whether more pages follow. */
  readonly more: boolean;
}

/** The most records that `all` returns unless the caller says otherwise. */
const MOST = 10_000;

/** A list. Reading it asks the server, page by page, and keeps one page in memory. */
export class List<R> implements AsyncIterable<R> {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #read: (entry: Json, answer: Answer) => R;

  constructor(
    transport: Transport,
    path: string,
    signal: AbortSignal | undefined,
    read: (entry: Json, answer: Answer) => R,
  ) {
    this.#transport = transport;
    this.#path = path;
    this.#signal = signal;
    this.#read = read;
  }

  /** Returns the same list with each record changed. */
  map<S>(change: (record: R) => S): List<S> {
    return new List(this.#transport, this.#path, this.#signal, (entry, answer) => change(this.#read(entry, answer)));
  }

  /** Returns the pages, one for each answer. */
  async *pages(): AsyncGenerator<Page<R>, void, undefined> {
    for (let path: string | undefined = this.#path; path !== undefined;) {
      const answer: Answer = await this.#transport.send({ method: 'GET', path }, this.#signal);
      if (!isList(answer.body)) throw new Problem(0, 'no_answer', 'the answer is no list');
      path = next(answer, this.#transport.base);
      const etag = answer.headers.get('etag');
      const age = answer.headers.get('age');
      const count = answer.headers.get('ripple-count');
      yield {
        records: answer.body.map((entry) => this.#read(entry, answer)),
        ...(etag && { etag }),
        ...(age && { age: Number(age) }),
        ...(count && { count: Number(count) }),
        more: path !== undefined,
      };
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    for await (const page of this.pages()) yield* page.records;
  }

  /** Returns the whole list. Throws a `RangeError` if it has more than `max` records. */
  async all(max: number = MOST): Promise<R[]> {
    const records: R[] = [];
    for await (const page of this.pages()) {
      records.push(...page.records);
      if (records.length > max) throw new RangeError(`more than ${max} records`);
    }
    return records;
  }
}

/** Returns the address of the next page, from `Link`. The key is sent to no other server. */
export function next(answer: Pick<Answer, 'headers' | 'url'>, base: string): string | undefined {
  const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(answer.headers.get('link') ?? '')?.[1];
  if (link === undefined) return undefined;
  const { href } = new URL(link, answer.url);
  if (!href.startsWith(base)) throw new Problem(0, 'no_answer', 'the next page is elsewhere');
  return href;
}
