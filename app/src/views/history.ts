/** The history of a record: who wrote what, the difference of each write, and the way back. */

import { equal, freeze, own, type Members } from '../../../clients/typescript/src/json.ts';
import type { Version } from '../../../clients/typescript/src/resource.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import { button, fill, h, time, type Child } from '../dom.ts';
import { isKey, labelOf, titleOf } from '../kinds.ts';
import { shownDifference } from '../words/difference.ts';
import { errorOf, reason } from '../words/problems.ts';
import { toRow, top, who, type Row } from '../words/rows.ts';
import { and, capital, plain } from '../words/text.ts';

/** The number of writes on a page. */
const PAGE = 30;

export async function historyView({ connection, kind, id, signal, go }: Place): Promise<View> {
  const resource = connection.resource(kind);
  const list = h('ol', { class: 'rows' });
  const said = h('div', { class: 'said' });
  const more = h('div', { class: 'actions pages' });
  const pages = resource.online.versions(id, { limit: PAGE, signal }).pages();
  const rows: Row[] = [];
  const states = new Map<number, Promise<Members>>();

  async function load(): Promise<void> {
    if (connection.offline)
      return fill(said, notice('news', 'The history is on the server. Switch the network on to read it.'));
    try {
      const page = await pages.next();
      if (page.done) return fill(more);
      const first = rows.length;
      rows.push(...page.value.records.map((row: Version) => toRow(kind, row)));
      list.append(...rows.slice(first).map((row, place) => item(row, first + place)));
      fill(more, page.value.more && button('Older versions', load, { class: 'quiet' }));
    } catch (error) {
      if (!signal.aborted) fill(said, notice('bad', reason(errorOf(error), kind)));
    }
  }

  function item(row: Row, place: number): HTMLElement {
    const fields = [...new Set(row.changes.map(({ field }) => labelOf(kind, top(field)).toLowerCase()))];
    const what = row.deleted
      ? `deleted the ${kind.noun}`
      : place === rows.length - 1 && row.version === 1
        ? `created the ${kind.noun}`
        : fields.length
          ? `changed the ${and(fields)}`
          : 'wrote it';
    const key = row.name !== undefined && row.by !== undefined ? `, with the key “${row.by}”` : '';
    const shown = h('div', { class: 'more' });
    const canCompare = !row.deleted && fields.length > 0;
    return h(
      'li',
      { class: 'card' },
      h('h2', {}, `Version ${row.version}`),
      h(
        'p',
        {},
        capital(who(row, connection.person)),
        ` ${what}`,
        h('span', { class: 'hint' }, ' ', time(row.at), key),
      ),
      h(
        'div',
        { class: 'actions' },
        canCompare &&
          button('Show the difference', () => compare(place, shown), {
            class: 'quiet',
            'aria-label': `Show the difference of version ${row.version}`,
          }),
        !row.deleted &&
          !kind.readOnly &&
          (place > 0 || rows[0]?.deleted === true) &&
          button('Restore', () => restore(row), { class: 'quiet', 'aria-label': `Restore version ${row.version}` }),
      ),
      shown,
    );
  }

  function state(row: Row | undefined): Promise<Members> {
    if (!row || row.deleted) return Promise.resolve({});
    let found = states.get(row.version);
    if (!found)
      states.set(
        row.version,
        (found = resource.online.version(id, row.version, { signal }).then(({ value }) => value)),
      );
    return found;
  }

  async function compare(place: number, shown: HTMLElement): Promise<void> {
    if (shown.firstChild) return fill(shown);
    if (!rows[place + 1]) await load();
    try {
      const [after, before] = await Promise.all([state(rows[place]), state(rows[place + 1])]);
      fill(shown, differences(before, after));
    } catch (error) {
      fill(shown, notice('bad', reason(errorOf(error), kind)));
    }
  }

  function differences(before: Members, after: Members): Child {
    const names = [...new Set([...kind.members.map(([name]) => name), ...Object.keys(before), ...Object.keys(after)])];
    const changed = names.filter((name) => !isKey(kind, name) && !equal(own(before, name), own(after, name)));
    return h(
      'dl',
      {},
      changed.map((name) => [
        h('dt', {}, capital(labelOf(kind, name))),
        h('dd', {}, shownDifference(plain(own(before, name)), plain(own(after, name)))),
      ]),
    );
  }

  async function restore(row: Row): Promise<void> {
    try {
      // Merged on what this page shows as the newest version. The device may know a newer one by now.
      const { version } = rows[0] ?? row;
      const newest = freeze({ id, value: {}, version, updated: {}, pending: 0 });
      await resource.restore(newest, row.version);
      go(address('record', kind, id));
    } catch (error) {
      fill(said, notice('bad', reason(errorOf(error), kind)));
    }
  }

  await load();
  const name = titleOf(kind, resource.view(id)?.value, id);
  const title = `History of ${name}`;
  const crumbs = h(
    'nav',
    { class: 'crumbs', 'aria-label': 'Breadcrumb' },
    h('a', { href: address('record', kind, id) }, `Back to ${name}`),
  );
  return { title, element: h('div', {}, crumbs, head(title), said, list, more) };
}
