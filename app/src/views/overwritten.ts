/** What others replace of the person's work, told on every page. */

import { address, notice } from '../app.ts';
import type { Connection, Overwritten } from '../connection.ts';
import { announce, button, h } from '../dom.ts';
import { placeOf } from '../words/rows.ts';
import { and, capital } from '../words/text.ts';

/** The most messages at once. */
const SHOWN = 3;

/** Returns the place for such messages. A message goes when its record is opened. */
export function overwrittenNotices(connection: Connection): HTMLElement {
  const holder = h('div', { class: 'overwritten' });
  const shown = new Map<string, HTMLElement>();
  const remove = (to: string): void => {
    shown.get(to)?.remove();
    shown.delete(to);
  };
  const tell = ({ resource, id, title, by, fields }: Overwritten): void => {
    const kind = connection.kind(resource);
    if (!kind) return;
    const to = address('record', kind, id);
    if (location.hash === to) return; // the view shows it
    remove(to);
    const places = and([...new Set(fields.map((field) => placeOf(kind, field)))]);
    const element = notice(
      'news',
      h('p', {}, `${capital(by)} replaced your ${places} in `, h('a', { href: to }, title), '.'),
      button('Dismiss', () => remove(to), { class: 'quiet small', 'aria-label': `Dismiss the message about ${title}` }),
    );
    shown.set(to, element);
    holder.append(element);
    announce(`${capital(by)} replaced your ${places} in ${title}.`);
    for (const first of [...shown.keys()].slice(0, -SHOWN)) remove(first);
  };
  connection.on('overwritten', tell, new AbortController().signal);
  window.addEventListener('hashchange', () => remove(location.hash));
  return holder;
}
