/** Errors of the API and of the network, as one class. */

import { isList, isMembers, parse, type Json, type Members } from './json.ts';

/** Says whether a refused or unanswered write was made: it was not, or it is unknown. */
export type Outcome = 'not_made' | 'unknown';

/** A request that failed: problem details of RFC 9457, or no answer. */
export class Problem extends Error {
  /** The status of the answer. 0: ripple did not answer. */
  declare readonly status: number;
  /** The server's word for the error, such as `gone`. Without an answer: `no_answer`, `timeout` or `aborted`. */
  declare readonly code: string;
  /** A sentence for people who read logs. */
  declare readonly detail: string;
  /** What is wrong with each field, by JSON Pointer into the body. */
  declare readonly fields: ReadonlyMap<string, string>;
  declare readonly requestId: string | undefined;
  /** The seconds after which the server can be asked again. */
  declare readonly retryAfter: number | undefined;
  /** The members of the record as it is, where the server says so (409 `stale`). */
  declare readonly current: Members | undefined;
  /** The version of the tombstone (410 `gone`). */
  declare readonly version: number | undefined;
  /** The names of the headers at fault. */
  declare readonly headers: readonly string[];
  declare readonly outcome: Outcome;

  constructor(status: number, code: string, detail: string, more: ProblemDetails = {}) {
    super(`${status || 'no answer'} ${code}: ${detail}`, more);
    const blank = { fields: new Map(), headers: [], outcome: 'not_made' };
    Object.assign(this, blank, more, { name: 'Problem', status, code, detail });
  }

  /** Returns the same problem with another outcome. */
  with(outcome: Outcome): Problem {
    return new Problem(this.status, this.code, this.detail, { ...this, cause: this.cause, outcome });
  }
}

/** What a problem may say beside its status, code and detail. */
export interface ProblemDetails {
  readonly fields?: ReadonlyMap<string, string>;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly current?: Members | undefined;
  readonly version?: number | undefined;
  readonly headers?: readonly string[];
  readonly outcome?: Outcome;
  readonly cause?: unknown;
}

/** Returns the problem that an answer describes. Returns one of status 0 if the answer is not from ripple. */
export function problemOf(status: number, headers: Headers, text: string): Problem {
  const requestId = headers.get('x-request-id') ?? undefined;
  const after = headers.get('retry-after');
  const retryAfter = after !== null && /^\d+$/.test(after) ? Number(after) : undefined;
  let body: Json = null;
  try {
    body = parse(text);
  } catch {
    // a proxy's page
  }
  if (status < 400 || !isMembers(body) || typeof body.code !== 'string') {
    // The status of a gateway's own answer counts only where it refuses the key or asks for another try.
    const refused = [401, 403, 429].includes(status);
    const counts = refused || [408, 500, 502, 503, 504].includes(status);
    return new Problem(counts ? status : 0, 'no_answer', `status ${status} is not from ripple`, {
      requestId,
      retryAfter,
      outcome: refused ? 'not_made' : 'unknown',
    });
  }
  const fields = new Map<string, string>();
  const faulty: string[] = [];
  for (const error of isList(body.errors) ? body.errors : []) {
    if (!isMembers(error)) continue;
    if (typeof error.pointer === 'string') fields.set(error.pointer, String(error.detail));
    if (typeof error.header === 'string') faulty.push(error.header);
  }
  const { code, detail, current, version } = body;
  return new Problem(status, code, typeof detail === 'string' ? detail : code, {
    fields,
    requestId,
    retryAfter,
    current: isMembers(current) ? current : undefined,
    version: typeof version === 'number' ? version : undefined,
    headers: faulty,
    outcome: [408, 500, 502, 504].includes(status) || code === 'outcome_unknown' ? 'unknown' : 'not_made',
  });
}
