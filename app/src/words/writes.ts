/** Which writes of a history changed a place of a record. */

import { equal, isList, type Json, type Members } from '../../../clients/typescript/src/json.ts';
import { entryKey, type Shape } from '../../../clients/typescript/src/record.ts';
import { keyOf, pathOf, valueAt, valueIn } from './places.ts';
import { tokens, type Row } from './rows.ts';

/** The value of a place cannot be told from the history. */
const UNKNOWN = Symbol();
/** The change is one of another place. */
const ELSEWHERE = Symbol();
type Before = Json | undefined | typeof UNKNOWN;

/**
 * Returns the writes that changed the value at a pointer. `rows`: newest first, from the write that made the state to
 * which the pointer belongs. `made`: that state, if it is known.
 *
 * A change names an entry as a whole. So the value before each write is compared with the value after it.
 */
export function writesOf(
  rows: readonly Row[],
  pointer: string,
  made: Members | undefined,
  names: Shape,
): readonly Row[] {
  let after: Before = made ? valueAt(made, made, pointer, names) : UNKNOWN;
  return rows.filter(({ changes }) => {
    let wrote = false;
    for (const change of changes) {
      const before = valueBefore(change, tokens(pointer), made, names);
      if (before === ELSEWHERE) continue;
      if (before === UNKNOWN || after === UNKNOWN || !equal(before, after)) wrote = true;
      after = before;
    }
    return wrote;
  });
}

/** Returns the value of a place before a change, as far as the change tells it. */
function valueBefore(
  { field, entry, replaced }: Row['changes'][number],
  place: readonly string[],
  made: Members | undefined,
  names: Shape,
): Before | typeof ELSEWHERE {
  const changed = tokens(field);
  if (changed.some((token, index) => index < place.length && token !== place[index])) return ELSEWHERE;
  const inner = place.slice(changed.length);
  const isPart = changed.length > place.length || (entry !== undefined && !inner.length);
  if (isPart || !made) return UNKNOWN;
  let there = valueAt(made, made, field, names);
  let path = pathOf(changed);
  if (entry !== undefined) {
    const found: Json | undefined = isList(there) ? there[Number(inner.shift())] : undefined;
    if (!equal(keyOf(found, entryKey(names, path)), entry)) return ELSEWHERE;
    there = found;
    path += '/-';
  }
  // Without a value, there was none, or it is too large for the history's list.
  return replaced === undefined ? UNKNOWN : valueIn(replaced, there, inner, path, names);
}
