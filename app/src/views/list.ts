/** The list of records: search while typing, order, pages and totals. */

import { own, type Members } from '../../../clients/typescript/src/json.ts';
import type { Page } from '../../../clients/typescript/src/list.ts';
import type { Record } from '../../../clients/typescript/src/record.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import { announce, button, debounced, fill, h, time, update } from '../dom.ts';
import { labelOf, titleOf, typesOf } from '../kinds.ts';
import { errorOf, isAway, reason } from '../words/problems.ts';
import { capital, count, short } from '../words/text.ts';
import { exportCsv } from './sheet.ts';

type Row = Record<Members>;

const PAGE = 25;
/** The most records that are counted for a total. */
const COUNTED = 1_000;
const TYPING = 200;
/** The time within which several changes become one reading of the list. */
const SETTLED = 100;
/** The most columns beside the title and the last write. */
const COLUMNS = 3;

export function listView({ connection, kind, query, signal, keepQuery }: Place): View {
  const resource = connection.resource(kind);
  const plain = kind.members.filter(
    ([name, schema]) => name !== kind.label && typesOf(schema).every((type) => !['array', 'object'].includes(type)),
  );
  // Records with a key of two parts often share the rest.
  const parts = kind.keys.length > 1 ? kind.keys : [];
  const columns = [...parts, ...plain].slice(0, COLUMNS).map(([name]) => name);
  const written = kind.options.members?.updated_at ?? 'updated_at';
  let sort = query.get('sort') ?? '';
  let pages: Page<Row>[] = [];
  let more: AsyncGenerator<Page<Row>> | undefined;
  let place = 0;
  let asked = 0;
  let total: string | undefined;
  let local = false;
  /** The records that others have changed while this list was open, and the names of those people. */
  const changed = new Map<string, string>();

  const search = h('input', { type: 'search', id: 'q', value: query.get('q'), autocomplete: 'off' });
  search.value = query.get('q') ?? '';
  const summary = h('p', { class: 'hint', role: 'status' });
  const results = h('div', { class: 'results' });

  /** Asks for the first page of the present question. */
  async function load(quiet = false): Promise<void> {
    const number = ++asked;
    const q = search.value.trim();
    const parameters = new URLSearchParams([...(q ? [['q', q]] : []), ...(sort ? [['sort', sort]] : [])]);
    keepQuery(parameters);
    const ask = { ...(q && { q }), ...(sort && { sort }), limit: PAGE, signal };
    local = connection.offline;
    try {
      if (local) return show([{ records: onDevice(q), more: false }], undefined);
      const found = resource.list(ask).pages();
      const first = await found.next();
      if (number !== asked || signal.aborted || first.done) return;
      show([first.value], found, quiet);
      void connection.keep(kind, first.value.records);
      if (first.value.more) await countAll(number, q);
    } catch (error) {
      if (signal.aborted || number !== asked) return;
      local = isAway(error);
      if (local) return show([{ records: onDevice(q), more: false }], undefined);
      fill(results, notice('bad', reason(errorOf(error), kind)));
    }
  }

  function show(found: Page<Row>[], next: AsyncGenerator<Page<Row>> | undefined, quiet = false): void {
    [pages, more, place, total] = [found, next, quiet && pages.length ? place && 0 : 0, undefined];
    render();
  }

  async function countAll(number: number, q: string): Promise<void> {
    const fields = kind.keys.map(([name]) => name);
    for await (const page of resource.online.list({ ...(q && { q }), fields, limit: COUNTED, signal }).pages()) {
      if (number !== asked) return;
      total = page.more
        ? `more than ${COUNTED.toLocaleString()} ${kind.plural}`
        : count(page.records.length, kind.noun, kind.plural);
      return renderSummary();
    }
  }

  async function turn(by: number): Promise<void> {
    if (by > 0 && place + 1 === pages.length) {
      const next = await more?.next().catch((error: unknown) => void fill(summary, reason(errorOf(error), kind)));
      if (!next || next.done) return;
      pages.push(next.value);
      void connection.keep(kind, next.value.records);
    }
    place += by;
    render();
    announce(summary.textContent ?? '');
    results.querySelector<HTMLElement>('a')?.focus();
  }

  /** Returns the records that this device knows. */
  function onDevice(q: string): Row[] {
    const wanted = q.toLowerCase().split(/\s+/);
    const found = resource.records().filter(({ value }) => {
      const text = JSON.stringify(value).toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
    const name = sort.replace(/^-/, '') || kind.label;
    const key = ({ value, updated }: Row): string =>
      String(name === written ? updated.at : (own(value, name) ?? '\uffff'));
    found.sort((one, other) => key(one).localeCompare(key(other), undefined, { numeric: true }));
    return sort.startsWith('-') ? found.reverse() : found;
  }

  function renderSummary(): void {
    const shown = pages[place]?.records.length ?? 0;
    const before = pages.slice(0, place).reduce((sum, page) => sum + page.records.length, 0);
    const all = pages.every((page) => !page.more) || (!pages.at(-1)?.more && place === 0);
    const known = total ?? (all ? count(before + shown, kind.noun, kind.plural) : undefined);
    const range = place || !all ? `${before + 1}–${before + shown} of ${known ?? 'many'}` : (known ?? '');
    fill(
      summary,
      local ? `Without the network: ${count(shown, kind.noun, kind.plural)} on this device` : shown ? range : '',
    );
  }

  function render(): void {
    renderSummary();
    const records = pages[place]?.records ?? [];
    if (!records.length) {
      const none = search.value.trim() ? `No ${kind.noun} has these words.` : `There are no ${kind.plural} yet.`;
      return update(results, h('p', { class: 'card empty' }, none));
    }
    const heads = [
      [kind.label, labelOf(kind, kind.label)],
      ...columns.map((name) => [name, labelOf(kind, name)]),
      [written, 'Saved'],
    ] as [string, string][];
    update(
      results,
      h(
        'table',
        { class: 'card' },
        h('caption', { class: 'unseen' }, capital(kind.plural)),
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            heads.map(([name, text]) => column(name, text)),
          ),
        ),
        h('tbody', {}, records.map(row)),
      ),
      h(
        'div',
        { class: 'actions pages' },
        place > 0 && button('Previous page', () => turn(-1), { class: 'quiet' }),
        pages[place]?.more && button('Next page', () => turn(1), { class: 'quiet' }),
      ),
    );
  }

  function column(name: string, text: string): HTMLElement {
    const by = sort === name ? 'ascending' : sort === `-${name}` ? 'descending' : undefined;
    const order = (): void => {
      sort = by === 'ascending' ? `-${name}` : by === 'descending' ? '' : name;
      void load().then(() => results.querySelector<HTMLElement>(`[data-sort="${CSS.escape(name)}"]`)?.focus());
    };
    const arrow = by === 'ascending' ? ' ↑' : by === 'descending' ? ' ↓' : '';
    const link = button([capital(text), h('span', { 'aria-hidden': 'true' }, arrow)], order, {
      class: 'link',
      'data-sort': name,
    });
    return h('th', { scope: 'col', 'aria-sort': by }, link);
  }

  function row(record: Row): HTMLElement {
    const { id, value, updated, pending } = record;
    const by = updated.author?.name ?? updated.by;
    const title = h('a', { href: address('record', kind, id) }, titleOf(kind, value, id));
    const news = changed.has(id) && h('span', { class: 'news' }, `${changed.get(id) ?? ''} changed this`);
    return h(
      'tr',
      { class: news && 'changed' },
      h('th', { scope: 'row' }, title, ' ', news),
      columns.map((name) => h('td', { 'data-name': capital(labelOf(kind, name)) }, short(own(value, name)))),
      h('td', { 'data-name': 'Saved' }, pending ? 'waits to be sent' : [time(updated.at), by ? ` by ${by}` : '']),
    );
  }

  /** Offers the list that is shown as a file. */
  async function save(): Promise<void> {
    const q = search.value.trim();
    const chosen = new URLSearchParams([...(q ? [['q', q]] : []), ...(sort ? [['sort', sort]] : [])]);
    try {
      await exportCsv(connection, kind, chosen);
      announce('The list is saved as a file.');
    } catch (error) {
      fill(results, notice('bad', reason(errorOf(error), kind)));
    }
  }

  const typed = debounced(TYPING, () => void load(), signal);
  search.addEventListener('input', typed);
  // What others save is shown where it does not move what the reader looks at.
  const refresh = debounced(SETTLED, () => void (place === 0 && load(true)), signal);
  connection.on(
    'live',
    ({ resource: name, id, by }) => {
      if (name !== kind.resource) return;
      if (id !== undefined && by !== undefined) changed.set(id, by);
      refresh();
    },
    signal,
  );
  connection.on('receipt', ({ written: { resource: name } }) => name === kind.resource && refresh(), signal);
  connection.on('switched', refresh, signal);
  void load();

  const element = h(
    'div',
    {},
    head(
      capital(kind.plural),
      h(
        'div',
        { class: 'actions' },
        kind.readOnly ? null : h('a', { class: 'button', href: address('new', kind) }, `New ${kind.noun}`),
        h('a', { class: 'button quiet', href: address('trash', kind) }, 'Deleted'),
        button('Export CSV', save, { class: 'quiet' }),
        kind.readOnly ? null : h('a', { class: 'button quiet', href: address('import', kind) }, 'Import CSV'),
      ),
    ),
    h('div', { class: 'field search' }, h('label', { for: 'q' }, `Search ${kind.plural}`), search),
    summary,
    results,
  );
  return { title: capital(kind.plural), element };
}
