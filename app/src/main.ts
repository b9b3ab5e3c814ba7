/** The page `/app`: lists, forms, history and an outbox for the records of the host that serves it. */

import { notice, showApp } from './app.ts';
import { Connection, kindsHere } from './connection.ts';
import { fill, h } from './dom.ts';
import { pane, session } from './session.ts';
import { showDemo } from './views/demo.ts';
import { showSignIn } from './views/signin.ts';
import { errorOf } from './words/problems.ts';

const LEAD = 'A whole team can edit at once, with or without a network, and no edit is lost.';

async function start(root: HTMLElement): Promise<void> {
  const query = new URLSearchParams(location.search);
  const kinds = await kindsHere();
  const [first] = kinds;
  if (!first) throw new Error('There are no records here');
  const signed = session() ?? (await showSignIn(root, first, LEAD));
  if (query.has('demo')) return showDemo(root, signed, first);
  const connection = await Connection.open(signed, kinds);
  // In the demonstration, one pane goes offline once it knows the record, and before it opens the live channel.
  if (pane() && query.has('offline')) await offlineOnce(connection);
  showApp(root, connection);
}

/** Switches the network off, the first time that this pane is shown in a tab. */
async function offlineOnce(connection: Connection): Promise<void> {
  const mark = 'ripple.demo.offline';
  if (sessionStorage.getItem(mark) !== null) return;
  const [, , resource = '', id = ''] = location.hash.split('/');
  const kind = connection.kind(resource);
  if (!kind) return;
  await connection.resource(kind).get(decodeURIComponent(id));
  sessionStorage.setItem(mark, '1');
  connection.offline = true;
}

// A browser without service workers, or an address without TLS, needs the network to open the page.
void navigator.serviceWorker?.register('app/offline.js', { scope: 'app' }).catch(() => undefined);

const root = document.getElementById('app') as HTMLElement; // the page has it
start(root).catch((error: unknown) => {
  fill(root, h('main', { id: 'main' }, h('h1', {}, 'ripple cannot be shown'), notice('bad', errorOf(error).message)));
});
