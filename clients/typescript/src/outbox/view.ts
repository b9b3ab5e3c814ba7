/**
 * What the author is shown: the newest state of the server, and on it each own edit that no answer has acknowledged.
 *
 * The view decides what is shown, and never what is saved. The next edit says what was shown, so the server can merge
 * it, however the view was made.
 */

import { changed, replaced, type Edit } from '../edit.ts';
import { equal, fromEntries, isList, isMembers, own, write, type Json, type Members } from '../json.ts';
import type { Entry, Known } from './entry.ts';

/** A record as it is shown. */
export interface View {
  /** `null`: the record does not exist or was deleted. */
  readonly value: Members | null;
  /** The number of own writes in it that no answer has acknowledged. */
  readonly pending: number;
}

/** Shows the entries of one record, in their order, on its known state. Parked entries are not shown. */
export function view(known: Known | undefined, entries: readonly Entry[]): View {
  let value = known?.value ?? null;
  let pending = 0;
  // A parked creation is all there is of its record, so it is shown with the edits that were parked along.
  const whole = !value && entries.some(({ kind, state }) => kind === 'create' && state === 'parked');
  for (const entry of entries) {
    if (entry.state === 'parked' && !whole) continue;
    pending++;
    if (entry.kind === 'create') value ??= entry.set;
    else if (entry.kind === 'delete') value = null;
    else if (entry.kind === 'edit' && value) value = edited(value, entry);
  }
  return { value, pending };
}

/** Shows an edit on the members of a record. */
export function edited(members: Members, edit: Edit): Members {
  const shown = Object.entries(edit.set).map(([name, mine]): [string, Json] => [
    name,
    merged(own(members, name), own(edit.seen, name), mine) ?? mine,
  ]);
  return replaced(members, changed(edit), fromEntries(shown));
}

/** Shows what the author made (`mine`) of what the author saw (`seen`) on what the server holds (`theirs`). */
function merged(theirs: Json | undefined, seen: Json | undefined, mine: Json | undefined): Json | undefined {
  if (equal(seen, mine)) return theirs;
  if (equal(theirs, seen)) return mine;
  if (isMembers(theirs) && isMembers(mine)) return mergedMembers(theirs, isMembers(seen) ? seen : {}, mine);
  if (isList(theirs) && isList(mine)) return mergedList(theirs, isList(seen) ? seen : [], mine) ?? mine;
  return mine;
}

function mergedMembers(theirs: Members, seen: Members, mine: Members): Members {
  const names = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
  const shown: [string, Json][] = [];
  for (const name of names) {
    const value = merged(own(theirs, name), own(seen, name), own(mine, name));
    if (value !== undefined) shown.push([name, value]);
  }
  return fromEntries(shown);
}

/** Merges lists of entries with ids, and lists of distinct scalars. Returns `undefined` for any other. */
function mergedList(theirs: readonly Json[], seen: readonly Json[], mine: readonly Json[]): Json[] | undefined {
  const [their, saw, my] = [identified(theirs), identified(seen), identified(mine)];
  if (!their || !saw || !my) return undefined;
  const shown: [string, Json][] = [];
  for (const [id, entry] of their) {
    const left = my.get(id);
    if (left === undefined) {
      if (!saw.has(id)) shown.push([id, entry]);
    } else shown.push([id, merged(entry, saw.get(id), left) ?? left]);
  }
  let neighbour: string | undefined;
  for (const [id, entry] of my) {
    const removed = saw.has(id) && equal(saw.get(id), entry);
    if (!their.has(id) && !removed) {
      shown.splice(shown.findIndex(([other]) => other === neighbour) + 1, 0, [id, entry]);
    }
    if (shown.some(([other]) => other === id)) neighbour = id;
  }
  return shown.map(([, entry]) => entry);
}

/** Returns entries by what identifies them. Returns `undefined` if that is not so for all, or not unique. */
function identified(list: readonly Json[]): Map<string, Json> | undefined {
  const found = new Map<string, Json>();
  for (const entry of list) {
    const id = isMembers(entry) ? own(entry, 'id') : entry;
    if (id === undefined || id === null || id === '' || isMembers(id) || isList(id)) return undefined;
    found.set(`${isMembers(entry)}${write(id)}`, entry);
  }
  return found.size === list.length ? found : undefined;
}
