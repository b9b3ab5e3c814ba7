/** What others have replaced of the person's own work, with the way to keep it. */

import { equal, isList, isMembers, own, put, type Json, type Members } from '../../../clients/typescript/src/json.ts';
import { entryKey, shape, type Record, type Shape } from '../../../clients/typescript/src/record.ts';
import { notice, type Place } from '../app.ts';
import { button, fill, h } from '../dom.ts';
import { shownDifference } from '../words/difference.ts';
import { errorOf, reason } from '../words/problems.ts';
import { lossesOf, placeOf, tokens, who, type Loss, type Row } from '../words/rows.ts';
import { plain } from '../words/text.ts';

/** Shows the losses of a record. */
export function lossNotices(place: Place, holder: HTMLElement, record: Record<Members>, rows: readonly Row[]): void {
  const { connection, kind, id } = place;
  const noted = `ripple.noted.${connection.person.id}.${kind.resource}/${id}`;
  const names = shape(kind.resource, kind.options);
  const losses = lossesOf(rows, connection.person, Number(localStorage.getItem(noted) ?? 0)).filter(
    ({ pointer, entry, before }) => !equal(at(record.value, pointer, entry, names), before),
  );
  if (!losses.length) return fill(holder);
  const known = button(
    'Leave it as it is',
    () => {
      localStorage.setItem(noted, String(Math.max(...losses.map(({ by }) => by.version))));
      fill(holder);
    },
    { class: 'quiet' },
  );
  fill(
    holder,
    notice(
      'news',
      losses.map((loss) => one(place, loss, names)),
      h('div', { class: 'actions' }, known),
    ),
  );
}

function one({ connection, kind, id }: Place, loss: Loss, names: Shape): HTMLElement {
  const resource = connection.resource(kind);
  const { pointer, entry, before, by } = loss;
  const name = entry === undefined ? placeOf(kind, pointer) : `entry of ${placeOf(kind, pointer)}`;
  const more = h('div', { class: 'more' });
  const keep = async (): Promise<void> => {
    try {
      const now = resource.view(id) ?? (await resource.get(id));
      await resource.edit(now, (draft) => putAt(draft, pointer, entry, before, names));
      fill(more, 'Your text is back.');
    } catch (error) {
      fill(more, reason(errorOf(error), kind));
    }
  };
  const show = (): void => {
    const now = at(resource.view(id)?.value ?? {}, pointer, entry, names);
    fill(more, shownDifference(plain(before), plain(now)));
  };
  return h(
    'div',
    { class: 'replaced' },
    h('p', {}, `Since you last saved, ${who(by, connection.person)} replaced your ${name}.`),
    h(
      'div',
      { class: 'actions' },
      button('Bring mine back', keep, { 'aria-label': `Bring back my ${name}` }),
      button('Show the difference', show, { class: 'quiet', 'aria-label': `Show the difference of the ${name}` }),
    ),
    more,
  );
}

/** Returns the value of a field, or of an entry of a list. */
function at(members: Members, pointer: string, entry: Json | undefined, names: Shape): Json | undefined {
  let found: Json | undefined = members;
  for (const token of tokens(pointer)) found = isMembers(found) ? own(found, token) : undefined;
  if (entry === undefined) return found;
  return isList(found) ? found[placeIn(found, pointer, entry, names)] : undefined;
}

function placeIn(list: readonly Json[], pointer: string, entry: Json, names: Shape): number {
  const key = entryKey(names, pointer);
  return list.findIndex((one) => equal(key !== false && isMembers(one) ? own(one, key) : one, entry));
}

function putAt(draft: object, pointer: string, entry: Json | undefined, value: Json, names: Shape): void {
  const [name = '', ...inner] = tokens(pointer);
  const set = (members: Members, [first = '', ...rest]: readonly string[]): Members => {
    const old = own(members, first);
    const made = { ...members };
    const whole = entry !== undefined && isList(old) ? replacedIn(old, pointer, entry, value, names) : value;
    put(made, first, rest.length ? set(isMembers(old) ? old : {}, rest) : whole);
    return made;
  };
  put(draft, name, own(set(draft as Members, [name, ...inner]), name));
}

function replacedIn(list: readonly Json[], pointer: string, entry: Json, value: Json, names: Shape): Json[] {
  const place = placeIn(list, pointer, entry, names);
  return place < 0 ? [...list, value] : list.map((one, index) => (index === place ? value : one));
}
