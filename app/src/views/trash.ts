/** What was deleted, with names, and the way back. */

import { freeze } from '../../../clients/typescript/src/json.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import { announce, button, fill, h, time } from '../dom.ts';
import { titleOf } from '../kinds.ts';
import { errorOf, reason } from '../words/problems.ts';
import { toRow, who, type Row } from '../words/rows.ts';
import { capital, count } from '../words/text.ts';

/** The records of one page. The name of each is looked up. */
const PAGE = 20;

interface Deleted {
  readonly id: string;
  readonly title: string;
  readonly deletion: Row | undefined;
}

export async function trashView({ connection, kind, signal, go }: Place): Promise<View> {
  const resource = connection.resource(kind);
  const list = h('ol', { class: 'rows' });
  const said = h('div', { class: 'said' });
  const more = h('div', { class: 'actions pages' });
  const written = kind.options.members?.updated_at ?? 'updated_at';
  const first = () =>
    resource.online.list({ deleted: true, sort: `-${written}`, limit: PAGE, count: true, signal }).pages();
  let pages = first();
  /** The records of the list with what shows them, and their number on the server. */
  const shown = new Map<string, HTMLElement>();
  let total = 0;
  /** The records of which the page has heard that they are there. A list that is read may not know it yet. */
  const there = new Set<string>();

  /** Shows the next page, or the first one in place of what is shown. */
  async function load(anew = false): Promise<void> {
    if (connection.offline)
      return fill(said, notice('news', 'The server knows what was deleted. Switch the network on to read it.'));
    if (anew) pages = first();
    const own = pages;
    try {
      const page = await own.next();
      if (page.done || own !== pages) return;
      const { records, more: isMore, count: all = records.length } = page.value;
      const read = await Promise.all(records.map(({ id }) => named(id)));
      if (own !== pages) return;
      if (anew) {
        fill(list);
        shown.clear();
      }
      const found = read.filter(({ id }) => !there.has(id));
      total = all - (read.length - found.length);
      for (const one of found) shown.set(one.id, item(one));
      list.append(...found.map(({ id }) => shown.get(id) as HTMLElement));
      tellTotal();
      fill(more, isMore && button('Show more', () => load(), { class: 'quiet' }));
    } catch (error) {
      if (!signal.aborted) fill(said, notice('bad', reason(errorOf(error), kind)));
    }
  }

  function tellTotal(): void {
    const text = total ? count(total, kind.noun, kind.plural) : `No ${kind.noun} was deleted in the last 90 days.`;
    fill(said, h('p', { class: 'hint' }, text));
  }

  /** Drops a record that is there again. */
  function drop(id: string): void {
    there.add(id);
    const row = shown.get(id);
    if (!row) return;
    shown.delete(id);
    total--;
    tellTotal();
    announce(`${row.querySelector('h2')?.textContent ?? ''} is back.`);
    const isFocused = row.contains(document.activeElement);
    row.remove();
    if (isFocused) document.querySelector('h1')?.focus();
  }

  /** Waits until the server has answered a restoration, or the author works without it. */
  function answerFor(id: string): Promise<void> {
    const isOf = (entry: { readonly resource: string; readonly id: string }): boolean =>
      entry.resource === kind.resource && entry.id === id;
    return new Promise((resolve) => {
      connection.on('receipt', ({ written }) => isOf(written) && resolve(), signal);
      connection.on('parked', (entry) => isOf(entry) && resolve(), signal);
      connection.on('switched', () => resolve(), signal);
    });
  }

  /** Finds the name of a deleted record: its last write says what it deleted. */
  async function named(id: string): Promise<Deleted> {
    for await (const page of resource.online.versions(id, { limit: 2, signal }).pages()) {
      const rows = page.records.map((row) => toRow(kind, row));
      const deletion = rows.find((row) => row.deleted);
      const change = deletion?.changes.find(({ field }) => field === `/${kind.label}`);
      const title = titleOf(kind, change?.replaced === undefined ? {} : { [kind.label]: change.replaced }, id);
      return { id, title, deletion };
    }
    return { id, title: titleOf(kind, {}, id), deletion: undefined };
  }

  function item({ id, title, deletion }: Deleted): HTMLElement {
    const back = async (): Promise<void> => {
      const version = deletion?.version ?? 0;
      const tombstone = freeze({ id, value: {}, version, updated: {}, pending: 0 });
      const answered = answerFor(id);
      try {
        await resource.restore(tombstone, version - 1);
        fill(said, notice('news', `Bringing ${title} back …`));
        await answered;
        go(address('record', kind, id));
      } catch (error) {
        fill(said, notice('bad', reason(errorOf(error), kind)));
      }
    };
    return h(
      'li',
      { class: 'card' },
      h('h2', {}, title),
      h('p', { class: 'hint' }, capital(who(deletion, connection.person)), ' deleted it ', time(deletion?.at)),
      h(
        'div',
        { class: 'actions' },
        deletion && !kind.readOnly && button('Bring it back', back, { 'aria-label': `Bring back ${title}` }),
        h('a', { class: 'button quiet', href: address('history', kind, id) }, 'History'),
      ),
    );
  }

  /** Takes note of a change that was made after this page has asked the server. */
  function heard(of: string, id: string | undefined, deleted: boolean): void {
    if (of !== kind.resource) return;
    if (id !== undefined && !deleted) return drop(id);
    if (id === undefined) there.clear();
    else there.delete(id);
    void load(true);
  }
  connection.on('receipt', ({ written }) => heard(written.resource, written.id, written.kind === 'delete'), signal);
  connection.on('live', ({ resource: of, id, deleted }) => heard(of, id, deleted), signal);
  await load();
  const title = `Deleted ${kind.plural}`;
  return { title, element: h('div', {}, head(title), said, list, more) };
}
