/** What waits on this device, what was refused, and what became of the rest. */

import { changed, replaced } from '../../../clients/typescript/src/edit.ts';
import type { Entry } from '../../../clients/typescript/src/outbox.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import { button, fill, h, time, update, type Child } from '../dom.ts';
import { labelOf, titleOf, type Kind } from '../kinds.ts';
import { errorOf, reason, words } from '../words/problems.ts';
import { and } from '../words/text.ts';
import { receiptNotice } from './receipts.ts';

const DOES: { readonly [kind in Entry['kind']]: string } = {
  create: 'Create',
  edit: 'Change',
  delete: 'Delete',
  restore: 'Bring back',
};

const STATES: { readonly [state in Entry['state']]: string } = {
  queued: 'waits',
  sending: 'is being sent',
  uncertain: 'was sent without an answer, and is sent again',
  parked: 'was refused',
};

export function outboxView({ connection, signal, go }: Place): View {
  const { outbox, person } = connection;
  const list = h('ol', { class: 'rows' });
  const done = h('div', { class: 'told' });
  const said = h('div', { class: 'said' });

  function render(): void {
    const { stopped, durable } = outbox.state;
    const entries = outbox.entries();
    update(
      said,
      stopped && stoppedNotice(stopped.code, words(stopped)),
      !durable && notice('bad', 'This browser keeps nothing after the page is closed.'),
    );
    update(list, entries.length ? entries.map(row) : h('li', { class: 'card empty' }, 'Nothing waits to be sent.'));
  }

  function stoppedNotice(code: string, text: string): HTMLElement {
    const send = button('Send them here', () => outbox.resume());
    return notice('bad', text, h('div', { class: 'actions' }, code === 'address' && send));
  }

  function row(entry: Entry): HTMLElement {
    const kind = connection.kind(entry.resource);
    const shown = kind && connection.resource(kind).view(entry.id)?.value;
    const title = kind ? titleOf(kind, shown ?? entry.set, entry.id) : entry.id;
    const names = kind ? [...Object.keys(entry.set), ...entry.remove].map((name) => labelOf(kind, name)) : [];
    const link = kind ? h('a', { href: address('record', kind, entry.id) }, title) : title;
    const fields = entry.kind === 'edit' && names.length ? `: ${and(names)}` : '';
    return h(
      'li',
      { class: `card ${entry.state}`, 'data-n': String(entry.n) },
      h('p', {}, h('b', {}, DOES[entry.kind]), ' ', link, fields),
      h('p', { class: 'hint' }, `It ${STATES[entry.state]}. Made `, time(entry.made_at), '.'),
      entry.state === 'parked' && kind ? refused(entry, kind) : null,
    );
  }

  function refused(parked: Entry, kind: Kind): Child {
    const { problem } = parked;
    const faults = Object.entries(problem?.fields ?? {});
    const again = async (): Promise<void> => {
      const resource = connection.resource(kind);
      // The button may have been made for an earlier state of the entry.
      const entry = outbox.entries().find(({ n }) => n === parked.n) ?? parked;
      const shown = resource.view(entry.id);
      // This page shows no values. So an edit's author has seen none since the edit was made.
      const seen = shown && { ...shown, value: replaced(shown.value, changed(entry), entry.seen) };
      try {
        await resource.resend(entry.n, undefined, entry.kind === 'edit' ? seen : undefined);
      } catch (error) {
        fill(said, notice('bad', reason(errorOf(error), kind)));
      }
    };
    return [
      h('p', {}, problem ? words(problem, kind) : ''),
      faults.length
        ? h(
            'ul',
            {},
            faults.map(([pointer, text]) => h('li', {}, `${pointer.split('/').at(-1) ?? ''} ${text}`)),
          )
        : null,
      h(
        'div',
        { class: 'actions' },
        button('Open', () => go(address('record', kind, parked.id))),
        button(parked.kind === 'delete' ? 'Delete all the same' : 'Send again', again, { class: 'quiet' }),
        button('Drop', () => outbox.drop(parked.n), { class: 'danger' }),
      ),
    ];
  }

  function tell(): void {
    fill(
      done,
      connection.told.map((told) => receiptNotice(connection, told, true)),
    );
    if (!connection.told.length) fill(done, h('p', { class: 'card empty' }, 'Nothing was sent from this tab yet.'));
  }

  connection.on('state', render, signal);
  connection.on('change', render, signal);
  connection.on('receipt', tell, signal);
  render();
  tell();
  const element = h(
    'div',
    {},
    head(
      'What waits',
      h('p', { class: 'hint' }, `Changes of ${person.name} on this device. They are sent in their order.`),
    ),
    said,
    list,
    h('h2', {}, 'What was sent'),
    done,
  );
  return { title: 'What waits', element };
}
