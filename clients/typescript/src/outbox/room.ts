/** The room of an outbox, and what it says when there is none. */

import { Problem } from '../problem.ts';
import type { State } from './decide.ts';
import { frozen, toRow, type Entry } from './entry.ts';

/** The most entries of an outbox. */
const MOST_ENTRIES = 10_000;
/** The most characters of all entries. */
const MOST_TEXT = 50_000_000;
/** The most bytes of one request. The server takes up to 1,048,576. */
const MOST_BYTES = 1_000_000;

/** A failure of the store. */
export class StoreError extends Error {
  constructor(cause: unknown) {
    super(`the store fails: ${String(cause)}`, { cause });
  }
}

/** Throws a `Problem` if the entry is too large, or the outbox has no room for it. */
export function checkRoom(state: State, entry: Entry): void {
  const bytes = new TextEncoder().encode(frozen(entry)).length;
  if (bytes > MOST_BYTES)
    throw new Problem(0, 'body_too_large', `${bytes} bytes, of at most ${MOST_BYTES}`);
  const others = state.entries.filter(({ n }) => n !== entry.n);
  const text = others.reduce((sum, other) => sum + toRow(other).text.length, toRow(entry).text.length);
  if (others.length >= MOST_ENTRIES || text > MOST_TEXT)
    throw new Problem(0, 'outbox_full', `${others.length} entries wait, of ${text} characters`);
}

/** Returns the problem of a write that the device cannot keep. */
export function full(cause: unknown): Problem {
  return new Problem(0, 'storage_full', 'this device has no room', { cause });
}
