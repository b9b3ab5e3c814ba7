/** Places in records: what a JSON Pointer into one state names in another. Entries of lists are found by their key. */

import {
  equal,
  fromEntries,
  isList,
  isMembers,
  own,
  put,
  type Json,
  type Members,
} from '../../../clients/typescript/src/json.ts';
import { entryKey, type Shape } from '../../../clients/typescript/src/record.ts';
import { tokens } from './rows.ts';

/** Returns the value of a state at a pointer into another state. `made`: the state that the pointer belongs to. */
export function valueAt(state: Json, made: Json, pointer: string, names: Shape): Json | undefined {
  return valueIn(state, made, tokens(pointer), '', names);
}

/** Returns the same for a part of a record. `path`: the place of the part, with `-` for an entry of a list. */
export function valueIn(
  part: Json | undefined,
  made: Json | undefined,
  inner: readonly string[],
  path: string,
  names: Shape,
): Json | undefined {
  let [found, there, at] = [part, made, path];
  for (const token of inner) {
    found = step(found, there, token, at, names);
    there = step(there, there, token, at, names);
    at += pathOf([token]);
  }
  return found;
}

/** Returns names in a JSON Pointer as the path that a resource's file has for them. */
export function pathOf(place: readonly string[]): string {
  return place.map((token) => (/^\d+$/.test(token) ? '/-' : `/${token}`)).join('');
}

/** Returns what identifies an entry of a list: the value of its key, or the entry itself. */
export function keyOf(entry: Json | undefined, key: string | false): Json | undefined {
  return (key !== false && isMembers(entry) ? own(entry, key) : undefined) ?? entry;
}

function step(
  from: Json | undefined,
  there: Json | undefined,
  token: string,
  path: string,
  names: Shape,
): Json | undefined {
  if (isMembers(from)) return own(from, token);
  if (!isList(from) || !isList(there)) return undefined;
  const place = placeIn(from, there, token, entryKey(names, path));
  return place < 0 ? undefined : from[place];
}

/** Returns the place in a list of the entry that another list has at a place. */
function placeIn(list: readonly Json[], other: readonly Json[], token: string, key: string | false): number {
  const entry = other[Number(token)];
  const id = key !== false && isMembers(entry) ? own(entry, key) : undefined;
  if (id === undefined || key === false) return Number(token) < list.length ? Number(token) : -1;
  return list.findIndex((one) => isMembers(one) && equal(own(one, key), id));
}

/** Puts the value of an old state at a pointer into a draft. `made`: the state that the pointer belongs to. */
export function putBack(draft: object, old: Members, made: Members, pointer: string, names: Shape): void {
  const [name = ''] = tokens(pointer);
  const value = replaced(
    own(draft as Members, name),
    own(old, name),
    own(made, name),
    tokens(pointer).slice(1),
    `/${name}`,
    names,
  );
  if (value === undefined) delete (draft as { [name: string]: Json })[name];
  else put(draft, name, value);
}

function replaced(
  now: Json | undefined,
  old: Json | undefined,
  made: Json | undefined,
  [token, ...rest]: readonly string[],
  path: string,
  names: Shape,
): Json | undefined {
  if (token === undefined) return old;
  if (isMembers(now)) {
    const inner = (from: Json | undefined): Json | undefined => (isMembers(from) ? own(from, token) : undefined);
    const value = replaced(inner(now), inner(old), inner(made), rest, `${path}/${token}`, names);
    const others = Object.entries(now).filter(([name]) => name !== token);
    return fromEntries(value === undefined ? others : [...others, [token, value]]);
  }
  if (!isList(now) || !isList(old) || !isList(made)) return old;
  const key = entryKey(names, path);
  const [here, before] = [placeIn(now, made, token, key), placeIn(old, made, token, key)];
  if (before < 0) return now.filter((_, place) => place !== here);
  if (here < 0) return [...now, old[before] as Json];
  const value = replaced(now[here], old[before], made[Number(token)], rest, `${path}/-`, names);
  return now.map((entry, place) => (place === here ? (value as Json) : entry));
}
