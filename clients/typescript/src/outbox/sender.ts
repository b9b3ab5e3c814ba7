/** The sender: one request for each record at a time, until the server has answered. */

import { equal, own } from '../json.ts';
import { Problem } from '../problem.ts';
import { receiptOf } from '../resource.ts';
import type { Receipt } from '../receipt.ts';
import { pathOf, type Shape } from '../record.ts';
import type { Answer, Request, Transport } from '../transport.ts';
import { acknowledge, doubt, find, freeze, park, postpone, sendable, tooOld, type State, type Step } from './decide.ts';
import type { Entry, Known } from './entry.ts';
import { isPassing, knownOf, longer, NO_WAIT, refusal, requestOf, tombstone, type Wait } from './request.ts';
import { StoreError } from './room.ts';

/** What the sender works with. */
export interface Desk {
  state(): State;
  /** Makes a decision and commits it. */
  commit(decide: (state: State) => Step | undefined): Promise<Step | undefined>;
  shape(resource: string): Shape;
  /** Told of an acknowledged entry. */
  made(entry: Entry, receipt: Receipt): void;
  parked(entry: Entry): void;
  /** Told when nothing is sent any more. */
  stopped(): void;
}

/** Sends the entries of an outbox. */
export class Sender {
  /** Why nothing is sent. */
  declare stopped: Problem | undefined;
  /** Whether the page has paused sending. */
  paused = false;
  readonly #transport: Transport;
  readonly #desk: Desk;
  readonly #abort = new AbortController();
  readonly #inFlight = new Set<number>();
  /** Waits of single entries, and of all after a failure that is not an entry's own. */
  readonly #waits = new Map<number, Wait>();
  readonly #throws = new Map<number, number>();
  #all: Wait = NO_WAIT;
  /**
   * The newest time of the server when a request got no answer. Nothing is sent until it has told a later one: an entry
   * that was sent may be too old since. At first the server has told none.
   */
  #away: number | undefined;
  #asking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leading = false;
  #closed = false;

  constructor(transport: Transport, desk: Desk) {
    this.#transport = transport;
    this.#desk = desk;
  }

  lead(leading: boolean): void {
    this.#leading = leading;
    this.pump();
  }

  /** Ends the requests. Their entries stay `sending`, and go again after the next start. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** Ends all waiting. */
  readonly online = (): void => {
    this.#all = NO_WAIT;
    this.#waits.clear();
    this.pump();
  };

  /** Starts the requests that can start now, and a timer for the next. */
  pump(): void {
    clearTimeout(this.#timer);
    if (!this.#leading || this.#closed || this.stopped || this.paused) return;
    const now = performance.now();
    const resting = [...this.#waits].filter(([, wait]) => wait.until > now);
    let next = Math.min(Infinity, ...resting.map(([, wait]) => wait.until));
    const ready = sendable(this.#desk.state(), this.#inFlight, new Set(resting.map(([n]) => n)));
    if (this.#all.until > now) next = this.#all.until;
    else if (ready.length && this.#transport.date === this.#away) void this.#ask();
    else for (const n of ready) void this.#send(n);
    if (next < Infinity) this.#timer = setTimeout(() => this.pump(), next - now);
  }

  /** Asks the server for its time. Every answer has it, and this one costs the least. */
  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const away = await this.#once({ method: 'GET', path: 'health' }).then(
      () => undefined,
      ({ status = 0, retryAfter }: Partial<Problem>) => isPassing(status) && longer(this.#all, retryAfter),
    );
    this.#asking = false;
    if (away) this.#all = away;
    else this.#away = NaN; // also of a server that tells no time
    this.pump();
  }

  async #once(request: Request): Promise<Answer> {
    try {
      return await this.#transport.once(request, this.#abort.signal);
    } catch (error) {
      if ((error as Problem).status === 0) this.#away = this.#transport.date;
      throw error;
    }
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
      this.pump();
    }
  }

  /** Parks an entry that made the sender throw twice, so that the others go on. */
  async #threw(n: number, error: unknown): Promise<void> {
    const times = (this.#throws.get(n) ?? 0) + 1;
    this.#throws.set(n, times);
    this.#wait(n);
    const poison = new Problem(0, 'poison', String(error));
    if (times > 1) await this.#park(n, poison).catch(() => undefined); // the store fails, so it is parked later
  }

  async #attempt(n: number): Promise<void> {
    const { date } = this.#transport;
    const old = find(this.#desk.state(), n);
    if (old && tooOld(old, date)) {
      const detail = 'the server no longer remembers this';
      return this.#park(n, new Problem(0, 'too_old', detail, { outcome: 'unknown' }));
    }
    const step = await this.#desk.commit((state) => freeze(state, n, date));
    const entry = step?.put?.[0];
    if (!entry || this.#closed) return;
    let answer: Answer;
    try {
      answer = await this.#once(requestOf(entry));
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof Problem)) throw error;
      return this.#refused(entry, error);
    }
    this.#all = NO_WAIT;
    const receipt = answer.receipt as Receipt; // every answer to a write has one
    await this.#acknowledge(entry, receipt, knownOf(this.#desk.shape(entry.resource), entry, answer));
  }

  async #acknowledge(entry: Entry, receipt: Receipt, known: Known | undefined): Promise<void> {
    const { session } = this.#transport;
    const done = await this.#desk.commit((state) => acknowledge(state, entry.n, receipt, known, session));
    this.#waits.delete(entry.n);
    if (done) this.#desk.made(entry, receipt);
  }

  /** Deals with a request that was refused or not answered. */
  async #refused(entry: Entry, problem: Problem): Promise<void> {
    const { n, kind } = entry;
    const { status, code, version = 0, retryAfter } = problem;
    const { commit, state, stopped } = this.#desk;
    if (status === 401 || status === 403) {
      this.stopped = problem;
      await commit((now) => postpone(now, n));
      return stopped();
    }
    if (!isPassing(status)) {
      this.#all = NO_WAIT;
      const tried = (find(state(), n) ?? entry).unknown > 0;
      if (tried && kind === 'create' && code === 'exists') return this.#made(entry, problem);
      const gone = tried && kind === 'delete' && status === 410;
      return gone
        ? this.#acknowledge(entry, receiptOf('deleted', version), tombstone(entry, version))
        : this.#park(n, problem);
    }
    await commit((now) => (problem.outcome === 'unknown' ? doubt(now, n) : postpone(now, n)));
    const general = status < 500 || code === 'unavailable';
    if (general) this.#all = longer(this.#all, retryAfter);
    else this.#wait(n, retryAfter);
  }

  /**
   * Reads the record that a creation found, whose first request got no answer. That request made the record, unless
   * another client has chosen the same id. Then the creation is parked.
   */
  async #made(entry: Entry, problem: Problem): Promise<void> {
    const { resource, id, n, own_id, set } = entry;
    let known: Known;
    try {
      const shape = this.#desk.shape(resource);
      const answer = await this.#once({ method: 'GET', path: pathOf(shape, id) });
      known = knownOf(shape, entry, answer);
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof Problem)) throw error;
      const { status, version = 0, retryAfter } = error;
      if (status !== 410) {
        await this.#desk.commit((state) => doubt(state, n));
        return this.#wait(n, retryAfter);
      }
      known = tombstone(entry, version); // deleted since
    }
    const { value, version } = known;
    const made = own_id || Object.keys(set).every((name) => equal(own(value ?? {}, name), set[name]));
    return made ? this.#acknowledge(entry, receiptOf('created', version), known) : this.#park(n, problem);
  }

  async #park(n: number, problem: Problem): Promise<void> {
    const step = await this.#desk.commit((state) => park(state, n, refusal(problem)));
    for (const entry of step?.put ?? []) this.#desk.parked(entry);
  }

  #wait(n: number, after?: number): void {
    this.#waits.set(n, longer(this.#waits.get(n) ?? NO_WAIT, after));
  }
}
