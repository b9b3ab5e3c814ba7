/** The frame of the page: navigation, the offline switch, what waits, and the view that the address names. */

import type { Connection } from './connection.ts';
import { announce, button, fill, h, set, type Child } from './dom.ts';
import { Following } from './live.ts';
import { signOut } from './session.ts';
import { historyView } from './views/history.ts';
import { listView } from './views/list.ts';
import { newView } from './views/new.ts';
import { outboxView } from './views/outbox.ts';
import { overwrittenNotices } from './views/overwritten.ts';
import { recordView } from './views/record.ts';
import { importView } from './views/sheet.ts';
import { trashView } from './views/trash.ts';
import { capital, count } from './words/text.ts';
import type { Kind } from './kinds.ts';

/** The time in milliseconds after which a screen reader hears that a view is on its way. */
const LOADING = 1_000;

/** A view that is shown. */
export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  /** Reports whether it can be left without a loss. */
  readonly clean?: () => boolean;
}

/** What a view is made with. */
export interface Place {
  readonly connection: Connection;
  readonly kind: Kind;
  readonly id: string;
  readonly query: URLSearchParams;
  /** The changes of the kind's records. */
  readonly following: Following;
  /** Aborted when another view is shown. */
  readonly signal: AbortSignal;
  /** Shows the view of an address, unless the reader has left. */
  readonly go: (address: string) => void;
  /** Replaces the query in the address, without showing the view again, unless the reader has left. */
  readonly keepQuery: (query: URLSearchParams) => void;
}

type Make = (place: Place) => View | Promise<View>;

const VIEWS: { readonly [name: string]: Make } = {
  list: listView,
  new: newView,
  record: recordView,
  history: historyView,
  trash: trashView,
  outbox: outboxView,
  import: importView,
};

/** Returns the address of a view. */
export function address(view: string, kind: Kind, id?: string): string {
  return `#/${view}/${kind.resource}${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;
}

/** Shows the page of a signed-in person. */
export function showApp(root: HTMLElement, connection: Connection): void {
  const main = h('main', { id: 'main' });
  const tabs = connection.kinds.map((kind) => ({
    kind,
    link: h('a', { href: address('list', kind) }, capital(kind.plural)),
  }));
  const skip = button('Skip to the content', () => main.querySelector<HTMLElement>('h1')?.focus(), { class: 'skip' });
  fill(
    root,
    skip,
    h(
      'header',
      {},
      h('a', { class: 'brand', href: '#/' }, 'ripple'),
      h(
        'nav',
        { 'aria-label': 'Records' },
        tabs.map(({ link }) => link),
      ),
      status(connection),
      h('span', { class: 'person' }, connection.person.name),
      window.parent === window ? button('Sign out', () => leave(), { class: 'quiet small' }) : null,
    ),
    overwrittenNotices(connection),
    main,
  );

  let shown: View | undefined;
  let ending = new AbortController();
  let following: { kind: Kind; changes: Following } | undefined;
  let at = '';

  async function show(): Promise<void> {
    if (location.hash === at) return;
    if (shown?.clean?.() === false && !confirm('What you changed here is not saved. Leave all the same?')) {
      history.replaceState(null, '', at);
      return;
    }
    at = location.hash;
    ending.abort();
    ending = new AbortController();
    const { signal } = ending;
    const [path = '', query = ''] = at.slice(2).split('?');
    const [name = '', resource = '', id = ''] = path.split('/').map(decoded);
    const kind = connection.kind(resource) ?? connection.kinds[0];
    if (!kind) return fill(main, h('h1', {}, 'There are no records here'));
    if (following?.kind !== kind) {
      following?.changes.close();
      following = { kind, changes: new Following(connection, kind) };
    }
    following.changes.present(undefined);
    for (const tab of tabs) set(tab.link, 'aria-current', tab.kind === kind && 'page');
    const { changes } = following;
    const asked = { kind, id, query: new URLSearchParams(query) };
    // What a view has begun must not take its reader away from another view, one that is on its way included.
    const isHere = (): boolean => !signal.aborted && location.hash === at;
    const go = (to: string): void => void (isHere() && (location.hash = to));
    const keep = (query: URLSearchParams): void => void (isHere() && keepQuery(query));
    const place = { ...asked, connection, following: changes, signal, go, keepQuery: keep };
    const view = await made(VIEWS[name] ?? listView, place);
    if (signal.aborted) return;
    shown = view;
    document.title = `${view.title} – ripple`;
    fill(main, view.element);
    window.scrollTo(0, 0);
    const heading = main.querySelector<HTMLElement>('h1');
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  }

  /** Makes a view. Until it is there, what is shown cannot be used: text that is typed now would be discarded. */
  async function made(make: Make, place: Place): Promise<View> {
    shown = undefined;
    main.inert = true;
    set(main, 'aria-busy', 'true');
    const waiting = setTimeout(() => place.signal.aborted || announce('Loading…'), LOADING);
    try {
      return await make(place);
    } finally {
      clearTimeout(waiting);
      // Otherwise the next view is on its way.
      if (!place.signal.aborted) {
        main.inert = false;
        set(main, 'aria-busy', false);
      }
    }
  }

  function keepQuery(query: URLSearchParams): void {
    const path = location.hash.split('?')[0] ?? '';
    at = `${path || '#/'}${query.size ? `?${query}` : ''}`;
    history.replaceState(null, '', at);
  }

  async function leave(): Promise<void> {
    const waiting = connection.outbox.entries().length;
    const text = `${count(waiting, 'change')} of ${connection.person.name} will wait on this device. Sign out?`;
    if (waiting && !confirm(text)) return;
    signOut();
    location.replace(location.pathname);
  }

  window.addEventListener('hashchange', () => void show());
  window.addEventListener('beforeunload', (event) => shown?.clean?.() === false && event.preventDefault());
  if (!location.hash) history.replaceState(null, '', '#/');
  void show();
}

/** Shows whether the network is switched off, and what waits. */
function status(connection: Connection): HTMLElement {
  const toggle = button('Offline', () => (connection.offline = !connection.offline), {
    class: 'switch',
    role: 'switch',
  });
  const state = h('a', { class: 'state', href: '#/outbox' });
  const render = (): void => {
    const { offline } = connection;
    set(toggle, 'aria-checked', String(offline));
    const text = stateText(connection);
    if (state.textContent !== text && state.textContent) announce(text);
    const { parked, stopped } = connection.outbox.state;
    state.className = `state ${parked || stopped ? 'bad' : offline ? 'away' : ''}`;
    fill(state, text);
    document.documentElement.classList.toggle('offline', offline);
  };
  const forever = new AbortController().signal;
  connection.on('state', render, forever);
  connection.on('switched', render, forever);
  render();
  return h('div', { class: 'status' }, toggle, state);
}

function stateText({ outbox, offline }: Connection): string {
  const { queued, sending, uncertain, parked, stopped } = outbox.state;
  const waiting = queued + uncertain;
  if (stopped) return stopped.code === 'address' ? 'Changes for another address wait' : 'The key was refused';
  if (parked) return `${count(parked, 'change needs', 'changes need')} you`;
  if (offline) return waiting ? `${count(waiting, 'edit waits', 'edits wait')}` : 'Nothing waits';
  if (sending) return 'Sending…';
  return waiting ? `${count(waiting, 'edit waits', 'edits wait')}` : 'All saved';
}

/** Makes the head of a view. */
export function head(title: Child, ...more: Child[]): HTMLElement {
  return h('div', { class: 'head' }, h('h1', {}, title), more);
}

/** Makes a message. */
export function notice(kind: 'done' | 'bad' | 'news', ...children: Child[]): HTMLElement {
  return h('div', { class: `notice ${kind}` }, children);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
