/** The records that all clients edit: a few at a time, so that edits meet, and later others, so that none grows without end. */

/** The edits of a record, about: with many more, its lists would not fit into an item. */
const EDITS = 167;

/** Returns how many records the edits need, of which `few` are edited at a time. */
export function count(edits: number, few: number): number {
  return Math.max(few, Math.ceil(edits / EDITS));
}

/** Returns the records that are edited when this share of the edits is made. */
export function current(all: readonly string[], made: number, few: number): readonly string[] {
  const first = Math.floor(made * (all.length - few));
  return all.slice(first, first + few);
}
