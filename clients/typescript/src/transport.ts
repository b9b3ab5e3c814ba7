/** Sends requests: one try with its time limit, and the tries that the API's rules allow. */

import { Problem, problemOf, type ProblemDetails } from './problem.ts';
import { parse, type Json } from './json.ts';
import { parseReceipt, type Receipt } from './receipt.ts';

/** A request, without what every request of the client carries. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** A reference relative to the client's URL. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body as sent: every try sends the same text. */
  readonly body?: string | undefined;
  /** Whether a `POST` changes nothing, and so has no receipt. */
  readonly reads?: boolean;
}

/** A successful answer. */
export interface Answer {
  readonly headers: Headers;
  /** The body, parsed; `undefined` if it is empty. */
  readonly body: Json | undefined;
  /** The receipt. Every answer to a write has one. */
  readonly receipt: Receipt | undefined;
  /** The address that was asked. Links are relative to it. */
  readonly url: string;
}

/** The tries of one call, if their outcome stays unknown. */
const TRIES = 4;
/** The first wait between tries is random and at most this long, in milliseconds. The limit doubles with each try. */
const BACKOFF = 250;
/** The time of one try in milliseconds. The server itself gives up after 29 seconds. */
export const TRY_LIMIT = 30_000;

/** Waits, and throws the signal's reason when it aborts. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const sleep: Sleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', aborted, { once: true });
  });

/** The network as a client uses it. */
export class Transport {
  /** The base address, with a slash at its end. */
  declare readonly base: string;
  /** The token of the last write. A later read with it sees that write on any host. */
  declare session: string | undefined;
  /** The newest `Date` of a success, in milliseconds. A portal may have another clock. */
  declare date: number | undefined;
  declare readonly sleep: Sleep;
  readonly #key: () => string;
  readonly #fetch: typeof fetch;
  readonly #timeout: number;

  constructor(base: string, key: () => string, fetcher: typeof fetch, timeout: number, wait: Sleep) {
    this.base = base.replace(/\/*$/, '/');
    this.#key = key;
    this.#fetch = fetcher;
    this.#timeout = timeout;
    this.sleep = wait;
  }

  /** Sends a request, and again as far as the rules allow. Throws a `Problem` otherwise. */
  async send(request: Request, signal?: AbortSignal): Promise<Answer> {
    const deadline = Date.now() + this.#timeout;
    let unknown = 0;
    for (let tries = 1; ; tries++) {
      const left = deadline - Date.now();
      let problem: Problem;
      try {
        return await this.once(request, signal, Math.min(TRY_LIMIT, left));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problem = error;
      }
      const { status } = problem;
      // 501 says what the host never does.
      const again = [0, 408, 429].includes(status) || (status >= 500 && status !== 501);
      if (problem.outcome === 'unknown') unknown++;
      // A try of unknown outcome makes the outcome of the call unknown, also if a later one is refused.
      const thrown = problem.with(unknown && request.method !== 'GET' ? 'unknown' : 'not_made');
      if (!again || problem.code === 'aborted' || unknown >= TRIES) throw thrown;
      const backoff = Math.random() * BACKOFF * 2 ** (tries - 1);
      const wait = Math.max(backoff, (problem.retryAfter ?? 0) * 1000);
      if (Date.now() + wait >= deadline) throw thrown;
      try {
        await this.sleep(wait, signal);
      } catch (cause) {
        throw gaveUp({ outcome: thrown.outcome, cause });
      }
    }
  }

  /** Sends a request once. If the server refuses the session token, drops it and sends the request once more. */
  async once(request: Request, signal?: AbortSignal, limit: number = TRY_LIMIT): Promise<Answer> {
    const session = this.session;
    try {
      return await this.#try(request, session, signal, limit);
    } catch (error) {
      const refused = session !== undefined && error instanceof Problem && error.headers.includes('ripple-session');
      if (!refused) throw error;
      if (this.session === session) this.session = undefined;
      return this.#try(request, undefined, signal, limit);
    }
  }

  async #try(
    request: Request,
    session: string | undefined,
    signal: AbortSignal | undefined,
    limit: number,
  ): Promise<Answer> {
    const headers = new Headers(request.headers);
    headers.set('x-api-key', this.#key());
    if (session !== undefined) headers.set('ripple-session', session);
    const late = AbortSignal.timeout(Math.max(limit, 1));
    const url = new URL(request.path, this.base).href;
    const reading = request.reads ?? request.method === 'GET';
    let response: Response;
    let text: string;
    try {
      if (signal?.aborted) throw gaveUp({});
      response = await this.#fetch(url, {
        method: request.method,
        headers,
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, late]) : late,
        ...(request.body !== undefined && { body: request.body }),
      });
      text = await response.text();
    } catch (cause) {
      if (cause instanceof Problem) throw cause;
      const more = { outcome: 'unknown', cause } as const;
      if (signal?.aborted) throw gaveUp(more);
      if (late.aborted) throw new Problem(0, 'timeout', `no answer within ${limit} ms`, more);
      throw new Problem(0, 'no_answer', String((cause as Error | undefined)?.message ?? cause), more);
    }
    const answer = response.ok ? answered(response, text, url, reading) : undefined;
    if (!answer) throw problemOf(response.status, response.headers, text);
    const date = Date.parse(response.headers.get('date') ?? '');
    if (date > (this.date ?? 0)) this.date = date;
    this.session = response.headers.get('ripple-session') ?? this.session;
    return answer;
  }
}

function gaveUp(more: ProblemDetails): Problem {
  return new Problem(0, 'aborted', 'the caller gave up', more);
}

/** Returns the answer, or `undefined` if it is not from ripple: a portal may answer 200 with a page of its own. */
function answered(response: Response, text: string, url: string, reading: boolean): Answer | undefined {
  const { headers } = response;
  const receipt = parseReceipt(headers.get('ripple-receipt'));
  let body: Json | undefined;
  try {
    if (text) body = parse(text);
  } catch {
    return undefined;
  }
  const full = reading ? typeof body === 'object' && body !== null : receipt !== undefined;
  return full ? { headers, body, receipt, url } : undefined;
}
