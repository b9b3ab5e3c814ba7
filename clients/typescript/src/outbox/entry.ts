/** Entries of the outbox: writes that wait, are on their way, or were refused. */

import { body, type Edit } from '../edit.ts';
import { isMembers, own, parse, write, type Json, type Members } from '../json.ts';
import type { Updated } from '../record.ts';
import type { Row } from './store.ts';

/** The newest format of entries that this client reads. */
export const FORMAT = 1;

/**
 * - `queued`: the server has not made it. It may have been sent, and refused for the time being.
 * - `sending`: a request may be on its way.
 * - `uncertain`: a request got no answer, so the server may have made it.
 * - `parked`: the server refused it. It is never sent again.
 */
export type EntryState = 'queued' | 'sending' | 'uncertain' | 'parked';

/** Why an entry is parked. */
export interface Refusal {
  readonly status: number;
  /** The server's code, or `too_old`, `poison` or `creation_parked`. */
  readonly code: string;
  readonly detail: string;
  /** What is wrong with each field. */
  readonly fields: { readonly [pointer: string]: string };
  /** `unknown`: an earlier request of this entry may have been made all the same. */
  readonly outcome: 'not_made' | 'unknown';
}

/** A write. */
export interface Entry extends Edit {
  readonly format: number;
  /** The number, which is the only order. */
  readonly n: number;
  readonly rev: number;
  readonly resource: string;
  readonly id: string;
  /** Whether this entry's client made the id at random, so that nobody else has chosen it. */
  readonly own_id?: boolean;
  readonly kind: 'create' | 'edit' | 'delete' | 'restore';
  readonly state: EntryState;
  /** The Idempotency-Key of every request of this entry. */
  readonly key: string;
  /**
   * The highest version that the author's screen or the predecessor's receipt named. 0: none. Of a restoration, it is
   * what the author was shown: the server merges on the content of that version.
   */
  readonly version: number;
  /** The member of the body with the version. Default: `version`. */
  readonly as?: string;
  /** The path of the request. */
  readonly path: string;
  /** The body of the request, fixed before the first one. `null`: not sent yet. `''`: without a body. */
  readonly bytes: string | null;
  /** The number of requests. */
  readonly sends: number;
  /** The number of requests whose outcome is unknown. */
  readonly unknown: number;
  /** The server's time before the first request, in milliseconds. `null`: not sent, or the server tells no time. */
  readonly sent_after: number | null;
  readonly account: string;
  readonly author: readonly string[] | null;
  /** The device's time at which the edit was made, for display alone. */
  readonly made_at: number;
  readonly problem: Refusal | null;
}

/** The newest known state of a record on the server. */
export interface Known {
  readonly resource: string;
  readonly id: string;
  readonly version: number;
  /** The members; `null` if the record was deleted. */
  readonly value: Members | null;
  readonly etag: string | null;
  readonly updated: Updated;
  /** The version that the last receipt of an own write named. 0: none. */
  readonly receipt: number;
}

/** Returns the name of a record in maps and stores. */
export function nameOf({ resource, id }: { readonly resource: string; readonly id: string }): string {
  return `${resource}/${id}`;
}

/** Returns the body of an entry's request as its first request freezes it. */
export function frozen(entry: Entry): string {
  const { as: name = 'version', bytes, kind, set, version } = entry;
  if (bytes !== null) return bytes;
  if (kind === 'create') return write(set);
  if (kind === 'edit') return body(entry, version, name);
  return version ? write({ [name]: version }) : '';
}

/** Reports whether no request of an entry was ever sent, so that it can still be changed. */
export function unsent(entry: Entry): boolean {
  return entry.state === 'queued' && entry.sends === 0;
}

const texts = new WeakMap<Entry, string>();

/** Returns an entry as a row of the store. */
export function toRow(entry: Entry): Row {
  let text = texts.get(entry);
  if (text === undefined) texts.set(entry, (text = write(entry)));
  return { n: entry.n, rev: entry.rev, text };
}

/** Returns the entry of a row. Returns `undefined` for one of a later format or of another account. */
export function fromRow(row: Row, account: string): Entry | undefined {
  const json: Json = parse(row.text);
  if (!isMembers(json) || own(json, 'format') !== FORMAT || own(json, 'account') !== account) return undefined;
  const entry = json as unknown as Entry;
  texts.set(entry, row.text);
  return entry;
}
