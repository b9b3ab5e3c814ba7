/** Edits: what differs between a record as its author saw it and as the author left it. */

import { copy, equal, fromEntries, has, isList, isMembers, own, write, type Json, type Members } from './json.ts';
import { uuid } from './ids.ts';

/** The members that an edit changes, with the values that its author saw. Values are whole. */
export interface Edit {
  /** The values as seen. A changed member that is not here was absent. */
  readonly seen: Members;
  /** The values as they are to be. */
  readonly set: Members;
  /** The names of members that are to be absent. */
  readonly remove: readonly string[];
}

/** Returns the edit that makes `after` of `before`. */
export function difference(before: Members, after: Members): Edit {
  const changed = Object.keys(after).filter((name) => !equal(own(before, name), after[name]));
  const remove = Object.keys(before).filter((name) => !has(after, name));
  const named = [...changed, ...remove].filter((name) => has(before, name));
  return { seen: pick(before, named), set: pick(after, changed), remove };
}

/** Reports whether an edit changes nothing. */
export function isEmpty(edit: Edit): boolean {
  return Object.keys(edit.set).length + edit.remove.length === 0;
}

/** Returns the names of the members that an edit changes. */
export function changed(edit: Edit): string[] {
  return [...Object.keys(edit.set), ...edit.remove];
}

/** Returns the members, those with these names as others have them. */
export function replaced(members: Members, names: readonly string[], others: Members): Members {
  const kept = Object.entries(members).filter(([name]) => !names.includes(name));
  return fromEntries([...kept, ...Object.entries(others)]);
}

/** Returns the body of the request that makes an edit on a version. `name`: the member with the version. */
export function body(edit: Edit, version: number, name: string): string {
  const { seen, set, remove } = edit;
  return write({ ...(version && { [name]: version }), seen, set, remove });
}

/** Lets the author change a copy of a value, and returns it. */
export async function drafted<T>(value: T, change?: (draft: T) => unknown): Promise<Members> {
  const draft = copy(value) as T;
  await change?.(draft);
  return copy(draft) as Members;
}

/** Returns the members with these names. */
export function pick(members: Members, names: readonly string[]): Members {
  return fromEntries(names.map((name) => [name, members[name] as Json]));
}

/**
 * Gives an id to each new object in a list whose objects merge by id, and a new one to a copy.
 *
 * Without it the server would name the entry. The author's next edit, made before the answer, would then add it again.
 */
export function nameEntries(edit: Edit, idOf: (pointer: string) => string | false): Edit {
  const inValue = (value: Json, seen: Json | undefined, pointer: string): Json => {
    if (isList(value)) return inList(value, isList(seen) ? seen : [], pointer);
    if (!isMembers(value) || equal(value, seen)) return value;
    const known = isMembers(seen) ? seen : {};
    const named = (name: string): Json => inValue(value[name] as Json, own(known, name), `${pointer}/${escape(name)}`);
    return fromEntries(Object.keys(value).map((name) => [name, named(name)]));
  };
  const inList = (list: readonly Json[], seen: readonly Json[], pointer: string): Json => {
    const member = idOf(pointer);
    if (member === false || !list.some(isMembers)) return list;
    const id = (entry: Json | undefined): Json | undefined => {
      const found = isMembers(entry) ? own(entry, member) : undefined;
      return found === null || found === '' ? undefined : found;
    };
    const known = (entry: Json): boolean => seen.some((other) => equal(entry, other));
    // Objects without ids, as many as before, are the old ones changed in their places.
    const byPlace = list.length === seen.length && ![...list, ...seen].some((entry) => id(entry) !== undefined);
    const taken = new Set<string>();
    return list.map((entry, place) => {
      const found = id(entry);
      const text = found === undefined ? undefined : write(found);
      const copied = text !== undefined && taken.has(text);
      if (text !== undefined) taken.add(text);
      const before = byPlace
        ? seen[place]
        : text === undefined || copied
          ? undefined
          : seen.find((other) => equal(id(other), found));
      const inner = inValue(entry, before, `${pointer}/-`);
      const names = isMembers(inner) && !byPlace && (copied || (text === undefined && !known(entry)));
      return names
        ? fromEntries([...Object.entries(inner).filter(([name]) => name !== member), [member, uuid()]])
        : inner;
    });
  };
  const pairs = Object.keys(edit.set).map((name): [string, Json] => [
    name,
    inValue(edit.set[name] as Json, own(edit.seen, name), `/${escape(name)}`),
  ]);
  return { ...edit, set: fromEntries(pairs) };
}

function escape(name: string): string {
  return name.replace(/~/g, '~0').replace(/\//g, '~1');
}
