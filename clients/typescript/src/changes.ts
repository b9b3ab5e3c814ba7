/** The changes of a resource, read by asking, with long answers where the host holds them. */

import { isList, isMembers, type Json } from './json.ts';
import { next } from './list.ts';
import { Problem } from './problem.ts';
import { toRecord, type Record, type Shape } from './record.ts';
import type { Answer, Transport } from './transport.ts';

/** A change of a record. */
export interface Change<T> {
  readonly id: string;
  /** The version. The server does not tell that of a deletion. */
  readonly version?: number;
  /** The record; absent if it was deleted. */
  readonly record?: Record<T>;
  readonly deleted: boolean;
  /** The cursor to store once the change is dealt with; absent as long as there is none. */
  readonly cursor?: string;
}

/** How changes are read. */
export interface ChangesOptions {
  /** The cursor of an earlier reading. Without one, every record counts as changed. */
  readonly since?: string | undefined;
  /** The seconds for which the server may hold a request, 25 at most. Without it, reading ends when nothing is left. */
  readonly wait?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The waits in milliseconds between requests of a host that does not hold them. */
const SOON = 5_000;
const LATE = 60_000;
const HIDDEN = 300_000;
/** The time after a change for which a reader asks soon. */
const BUSY = 60_000;
/** The number of records of which a reader remembers the version that it has told. */
const REMEMBERED = 10_000;

/** The changes of a resource. */
export class Changes<T> implements AsyncIterable<Change<T>> {
  /** The newest cursor. Every change before it has been told. */
  declare cursor: string | undefined;
  readonly #transport: Transport;
  readonly #shape: Shape;
  readonly #options: ChangesOptions;
  readonly #told = new Map<string, number | undefined>();

  constructor(transport: Transport, shape: Shape, options: ChangesOptions) {
    this.#transport = transport;
    this.#shape = shape;
    this.#options = options;
    this.cursor = options.since;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change<T>, void, undefined> {
    const { wait = 0, signal } = this.#options;
    const path = `${this.#shape.resource}/_changes`;
    let ask = path + (this.cursor === undefined ? '' : `?since=${encodeURIComponent(this.cursor)}`);
    let holds: boolean | undefined; // unknown until an answer says it
    let quiet = SOON;
    for (let changed = Date.now(); ;) {
      let answer: Answer;
      const prefer = wait > 0 && holds !== false && this.cursor !== undefined;
      try {
        const headers = prefer ? { prefer: `wait=${Math.min(Math.floor(wait), 25)}` } : {};
        answer = await this.#transport.send({ method: 'GET', path: ask, headers }, signal);
      } catch (error) {
        // A page of another origin may not send `Prefer` to an older server.
        if (!(prefer && holds === undefined && error instanceof Problem && error.code === 'no_answer')) throw error;
        holds = false;
        continue;
      }
      const found = this.#read(answer);
      const told = found.changes.filter((change) => this.#isNew(change));
      const news = told.length > 0;
      for (const [place, change] of told.entries()) {
        const cursor = place + 1 < told.length ? this.cursor : found.cursor;
        yield { ...change, ...(cursor !== undefined && { cursor }) };
        this.#remember(change); // not before: a reader that stops here is told again
      }
      this.cursor = found.cursor;
      const more = next(answer, this.#transport.base);
      ask = more ?? `${path}?since=${encodeURIComponent(found.cursor)}`;
      if (more !== undefined) continue;
      if (wait <= 0) return;
      const held = /\bwait\b/.test(answer.headers.get('preference-applied') ?? '');
      if (held) holds = true;
      if (held || (news && holds)) continue;
      if (prefer && !holds) holds = false;
      if (news) changed = Date.now();
      quiet = Date.now() - changed < BUSY ? SOON : Math.min(quiet * 2, LATE);
      const hidden = (globalThis as { document?: { hidden?: boolean } }).document?.hidden === true;
      await this.#transport.sleep(hidden ? HIDDEN : quiet, signal);
    }
  }

  #read(answer: Answer): { changes: Change<T>[]; cursor: string } {
    const { body } = answer;
    const whole = isMembers(body) && isList(body.changed) && isList(body.deleted) && typeof body.cursor === 'string';
    if (!whole) throw new Problem(0, 'no_answer', 'the answer is no list');
    const records = (body.changed as readonly Json[]).map((json): Change<T> => {
      const record = toRecord<T>(this.#shape, json);
      return { id: record.id, version: record.version, record, deleted: false };
    });
    const deleted = (body.deleted as readonly Json[]).map((id): Change<T> => ({ id: String(id), deleted: true }));
    return { changes: [...records, ...deleted], cursor: body.cursor as string };
  }

  /** Reports whether the change has not been told. The server repeats the changes of the last minute. */
  #isNew({ id, version }: Change<T>): boolean {
    const known = this.#told.has(id) && this.#told.get(id);
    const older = typeof known === 'number' && version !== undefined && version >= 0 && known >= version;
    return known !== version && !older;
  }

  #remember({ id, version }: Change<T>): void {
    if (this.#told.size > REMEMBERED) this.#told.clear(); // then some are told twice
    this.#told.set(id, version);
  }
}
