/** A receipt as a message, with the way to bring back what it replaced. */

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
import { entryKey, shape, type Shape } from '../../../clients/typescript/src/record.ts';
import { address, notice } from '../app.ts';
import type { Connection, Told } from '../connection.ts';
import { announce, button, fill, h } from '../dom.ts';
import type { Kind } from '../kinds.ts';
import { errorOf, words } from '../words/problems.ts';
import { storyOf, type Replaced } from '../words/receipt.ts';
import { shownDifference } from '../words/difference.ts';
import { tokens } from '../words/rows.ts';
import { plain } from '../words/text.ts';

/** Shows a receipt. Its sentence comes as soon as the names in it are known. */
export function receiptNotice(connection: Connection, { written, receipt }: Told, linked: boolean): HTMLElement {
  const kind = connection.kind(written.resource);
  const element = notice('done');
  if (!kind) return element;
  const link = linked && h('p', {}, h('a', { href: address('record', kind, written.id) }, written.title));
  void storyOf(connection, kind, written, receipt).then((story) => {
    const replaced = story.replaced.map((lost) => replacedPart(connection, kind, written.id, lost));
    fill(element, link, story.sentence && h('p', {}, story.sentence), replaced);
    if (!linked) announce([story.sentence, ...story.replaced.map(({ sentence }) => sentence)].join(' '));
  });
  return element;
}

function replacedPart(connection: Connection, kind: Kind, id: string, lost: Replaced): HTMLElement {
  const more = h('div', { class: 'more' });
  const resource = connection.resource(kind);
  const versions = async (): Promise<[Members, Members]> => {
    const [old, made] = await Promise.all([
      resource.online.version(id, lost.version),
      resource.online.version(id, lost.made),
    ]);
    return [old.value, made.value];
  };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      fill(more, notice('bad', words(errorOf(error), kind)));
    }
  };
  const show = (): Promise<void> =>
    attempt(async () => {
      const [old, made] = await versions();
      const names = shape(kind.resource, kind.options);
      const [theirs, mine] = [valueAt(old, made, lost.pointer, names), valueAt(made, made, lost.pointer, names)];
      fill(more, shownDifference(plain(theirs), plain(mine)));
    });
  const back = (): Promise<void> =>
    attempt(async () => {
      const [old, made] = await versions();
      const record = resource.view(id) ?? (await resource.get(id));
      const { result } = await resource.edit(record, (draft) => {
        putBack(draft, old, made, lost.pointer, shape(kind.resource, kind.options));
      });
      fill(more, result === 'unchanged' ? 'It is there already.' : 'It is brought back.');
    });
  return h(
    'div',
    { class: 'replaced' },
    h('p', {}, lost.sentence),
    h(
      'div',
      { class: 'actions' },
      button('Bring it back', back, { 'aria-label': `Bring back the other ${lost.place}` }),
      button('Show the difference', show, { class: 'quiet', 'aria-label': `Show the difference of the ${lost.place}` }),
    ),
    more,
  );
}

/** Returns the value of a state at a pointer into another state. Entries of lists are found by what identifies them. */
export function valueAt(state: Json, made: Json, pointer: string, names: Shape): Json | undefined {
  let [found, there]: [Json | undefined, Json | undefined] = [state, made];
  let path = '';
  for (const token of tokens(pointer)) {
    found = step(found, there, token, path, names);
    there = step(there, there, token, path, names);
    path += /^\d+$/.test(token) ? '/-' : `/${token}`;
  }
  return found;
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
  const place = placeOf(from, there, token, entryKey(names, path));
  return place < 0 ? undefined : from[place];
}

/** Returns the place in a list of the entry that another list has at a place. */
function placeOf(list: readonly Json[], other: readonly Json[], token: string, key: string | false): number {
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
  const [here, before] = [placeOf(now, made, token, key), placeOf(old, made, token, key)];
  if (before < 0) return now.filter((_, place) => place !== here);
  if (here < 0) return [...now, old[before] as Json];
  const value = replaced(now[here], old[before], made[Number(token)], rest, `${path}/-`, names);
  return now.map((entry, place) => (place === here ? (value as Json) : entry));
}
