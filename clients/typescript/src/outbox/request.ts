/** The requests of entries, and what their answers mean. */

import type { Members } from '../json.ts';
import type { Problem } from '../problem.ts';
import { toRecord, type Record, type Shape } from '../record.ts';
import { authorHeader, EDIT } from '../resource.ts';
import type { Answer, Request } from '../transport.ts';
import type { Entry, Known, Refusal } from './entry.ts';

/** The days for which the server is to remember a request. */
const CLAIM_DAYS = '90';
/** The first wait after a failure is random and at most this long, in milliseconds. It doubles up to the longest. */
const BACKOFF = 1_000;
const LONGEST = 60_000;

/** A wait after failures in a row. */
export interface Wait {
  readonly failures: number;
  /** When it ends, in milliseconds of `performance.now()`: the clock of the device may be moved. */
  readonly until: number;
}

export const NO_WAIT: Wait = { failures: 0, until: 0 };

/** Returns the wait after one more failure. `after` is what the server asks for, in seconds. */
export function longer({ failures }: Wait, after = 0): Wait {
  const backoff = Math.random() * Math.min(LONGEST, BACKOFF * 2 ** failures);
  return { failures: failures + 1, until: performance.now() + Math.max(backoff, after * 1000) };
}

/** Reports whether a later request may be answered otherwise. */
export function isPassing(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

const METHODS = { create: 'POST', edit: 'PATCH', delete: 'DELETE', restore: 'POST' } as const;

/** Returns the request of a frozen entry. Every try of it is the same. */
export function requestOf(entry: Entry): Request {
  const headers: { [name: string]: string } = { 'idempotency-key': entry.key, 'ripple-claim-days': CLAIM_DAYS };
  const body = entry.bytes || undefined;
  if (body !== undefined) headers['content-type'] = entry.kind === 'edit' ? EDIT : 'application/json';
  const [name, id] = entry.author ?? [];
  if (name !== undefined) headers['ripple-author'] = authorHeader({ name, ...(id && { id }) });
  return { method: METHODS[entry.kind], path: entry.path, headers, body };
}

/** Returns the state of the server that an answer tells. */
export function knownOf(shape: Shape, entry: Entry, answer: Answer): Known {
  if (entry.kind === 'delete') return tombstone(entry, answer.receipt?.version ?? 0);
  return read(entry.resource, toRecord(shape, answer.body, answer.headers));
}

/** Returns the state of the server that a record shows. */
export function read(
  resource: string,
  record: Pick<Record<unknown>, 'id' | 'version' | 'etag' | 'updated'> & { readonly value: unknown },
): Known {
  const { id, version, value, etag = null, updated } = record;
  return { resource, id, version, value: value as Members | null, etag, updated, receipt: 0 };
}

/** Returns the state of a record that was deleted. */
export function tombstone(
  { resource, id }: { readonly resource: string; readonly id: string },
  version: number,
): Known {
  return read(resource, { id, version, value: null, updated: {} });
}

/** Returns a refusal as an entry keeps it. */
export function refusal({ status, code, detail, fields, outcome }: Problem): Refusal {
  return { status, code, detail, fields: Object.fromEntries(fields), outcome };
}
