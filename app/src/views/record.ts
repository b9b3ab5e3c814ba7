/** A record: its form, what others do to it meanwhile, and what became of each save. */

import { changed } from '../../../clients/typescript/src/edit.ts';
import { freeze, own, type Members } from '../../../clients/typescript/src/json.ts';
import type { Entry } from '../../../clients/typescript/src/outbox.ts';
import { isParkedAlong } from '../../../clients/typescript/src/outbox/decide.ts';
import { Problem } from '../../../clients/typescript/src/problem.ts';
import type { Record } from '../../../clients/typescript/src/record.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import { announce, button, fill, h, time } from '../dom.ts';
import { RecordForm } from '../form/form.ts';
import { labelOf, titleOf, type Kind } from '../kinds.ts';
import { peopleText } from '../words/people.ts';
import { errorOf, reason, words } from '../words/problems.ts';
import { isBy, pointerOf, rowsOf, top, who, type Row } from '../words/rows.ts';
import { and, capital, sentence, short } from '../words/text.ts';
import { lossNotices } from './losses.ts';
import { saveByKey } from './new.ts';
import { receiptNotice } from './receipts.ts';

/** The most receipts beside a form. */
const RECEIPTS = 3;

export async function recordView(place: Place): Promise<View> {
  const { connection, kind, id, signal } = place;
  const resource = connection.resource(kind);
  try {
    const known = resource.view(id);
    // The server does not have a creation that waits.
    const record = connection.offline || known?.version === 0 ? known : await resource.get(id, { signal });
    if (record) return new RecordView(place, record).view();
    if (connection.offline) return missing(kind, 'This device does not know it. Switch the network on to read it.');
    throw new Problem(404, 'not_found', 'the record is not there');
  } catch (error) {
    const gone = error instanceof Problem && error.status === 410;
    const link =
      gone && h('p', {}, h('a', { href: address('history', kind, id) }, 'Open its history to bring it back'));
    return missing(kind, gone ? `This ${kind.noun} was deleted.` : reason(errorOf(error), kind), link || undefined);
  }
}

function missing(kind: Kind, text: string, more?: HTMLElement): View {
  const title = `No ${kind.noun} to show`;
  return { title, element: h('div', {}, head(title), notice('news', text, more)) };
}

class RecordView {
  readonly #place: Place;
  readonly #form: RecordForm;
  readonly #title = h('h1');
  readonly #meta = h('p', { class: 'hint' });
  /** The others who have the record open. */
  readonly #people = h('p', { class: 'people', role: 'status' });
  readonly #said = h('div', { class: 'said' });
  readonly #refused = h('div', { class: 'said' });
  readonly #receipts = h('div', { class: 'said' });
  readonly #news = h('div', { class: 'said' });
  readonly #losses = h('div', { class: 'said' });
  #record: Record<Members>;
  /** The refused write whose text the form has: an edit, or the creation of the record. */
  #refusedText: Entry | undefined;
  /** The numbers of the refused writes of which the page has told. */
  #toldRefused: string | undefined;
  /** The newest version of the server that the page has told of. */
  #told: number;
  #deleted = false;
  /** The members of which the newest receipt speaks. */
  #covered: ReadonlySet<string> = new Set();

  constructor(place: Place, record: Record<Members>) {
    this.#place = place;
    this.#record = record;
    this.#told = record.version;
    this.#form = new RecordForm(place.kind, record.value, false);
  }

  view(): View {
    const { connection, kind, id, signal } = this.#place;
    const here = (event: { resource: string; id: string }): boolean =>
      event.resource === kind.resource && event.id === id;
    connection.on('change', (event) => here(event) && this.#changed(), signal);
    connection.on(
      'live',
      (event) => {
        if (event.resource !== kind.resource) return;
        if (event.id === undefined) void this.#readAgain();
        else if (event.id === id) (event.deleted ? this.#gone() : this.#changed());
      },
      signal,
    );
    connection.on('met', (event) => here(event) && fill(this.#people, peopleText(kind, event)), signal);
    connection.on('parked', (entry) => here(entry) && this.#showRefused(), signal);
    connection.on(
      'receipt',
      (told) => {
        if (!here(told.written)) return;
        fill(this.#said);
        const { won, merged, kept } = told.receipt;
        this.#covered = new Set([...won, ...merged, ...kept].map(({ pointer }) => top(pointer)));
        this.#receipts.prepend(receiptNotice(connection, told, false));
        while (this.#receipts.children.length > RECEIPTS) this.#receipts.lastChild?.remove();
        if (told.written.kind === 'delete') this.#gone();
      },
      signal,
    );
    connection.on('state', () => this.#render(), signal);
    saveByKey(() => void this.#save(), signal);
    // A save whose receipt came while another view was shown.
    const last = connection.told.find(
      ({ written, receipt }) => here(written) && receipt.version === this.#record.version,
    );
    if (last) this.#receipts.append(receiptNotice(connection, last, false));
    this.#render();
    this.#showRefused();
    void this.#look(undefined);
    this.#present();
    const submit = (event: Event): void => {
      event.preventDefault();
      void this.#save();
    };
    const element = h(
      'form',
      { onsubmit: submit, novalidate: true, onfocusin: () => this.#present(), onfocusout: () => this.#present() },
      h(
        'nav',
        { class: 'crumbs', 'aria-label': 'Breadcrumb' },
        h('a', { href: address('list', kind) }, `All ${kind.plural}`),
      ),
      h('div', { class: 'head' }, this.#title, this.#meta),
      this.#people,
      this.#said,
      this.#refused,
      this.#receipts,
      this.#losses,
      this.#news,
      h('div', { class: 'card' }, this.#form.element),
      this.#bar(),
    );
    const title = titleOf(kind, this.#record.value, id);
    return { title, element, clean: () => this.#deleted || !this.#form.isBeyond(this.#parked) };
  }

  /** The refused write whose text the form has. Another tab may have dropped it, or sent it again. */
  get #parked(): Entry | undefined {
    const { connection, kind, id } = this.#place;
    return connection.parked(kind.resource, id).find(({ n }) => n === this.#refusedText?.n);
  }

  #bar(): HTMLElement {
    const { kind, id } = this.#place;
    return h(
      'div',
      { class: 'bar' },
      kind.readOnly ? null : h('button', { type: 'submit' }, 'Save'),
      h('a', { class: 'button quiet', href: address('history', kind, id) }, 'History'),
      kind.readOnly ? null : button(`Delete this ${kind.noun}`, () => this.#delete(), { class: 'danger' }),
    );
  }

  /** Tells the others what is open here, once the focus has moved. */
  #present(): void {
    const { following, id, signal } = this.#place;
    setTimeout(() => {
      if (signal.aborted) return;
      const name = this.#form.focused;
      const field = name === undefined ? undefined : pointerOf(name);
      following.present(field === undefined ? { id, state: 'view' } : { id, state: 'edit', field });
    });
  }

  /** Reads the record again: it may have changed before the page began to hear of changes. */
  async #readAgain(): Promise<void> {
    const { connection, kind, id, signal } = this.#place;
    if (this.#record.version === 0 || connection.offline) return;
    await connection
      .resource(kind)
      .get(id, { signal })
      .catch((error: unknown) => error instanceof Problem && error.status === 410 && this.#gone());
  }

  #render(): void {
    const { kind, id } = this.#place;
    const { version, updated, pending, value } = this.#record;
    fill(this.#title, titleOf(kind, value, id));
    const by = updated.author?.name ?? updated.by;
    const saved = version
      ? ['Version ', String(version), ', saved ', time(updated.at), by ? ` by ${by}` : '']
      : ['Not on the server yet'];
    const keys = kind.chosenKey
      ? kind.keys.map(([name]) => `${capital(labelOf(kind, name))} ${short(own(value, name))}. `)
      : null;
    fill(this.#meta, keys, saved, pending ? '. Your last change waits to be sent.' : '.');
  }

  async #save(): Promise<void> {
    const { connection, kind } = this.#place;
    const resource = connection.resource(kind);
    const form = this.#form;
    const parked = this.#parked;
    if (!form.changed.length && !parked) return this.#say('done', 'You have changed nothing.');
    if (!form.check(false)) {
      this.#say('bad', 'Some fields need attention. Nothing was saved.');
      return form.focusFault();
    }
    // What the author saw, member by member, and the version on the screen.
    const base = freeze({ ...this.#record, value: form.seen });
    const sent = form.values();
    try {
      const { record, result } = parked
        ? await resource.resend(parked.n, (draft) => form.apply(draft, changed(parked)), base)
        : await resource.edit(base, (draft) => form.apply(draft));
      if (record) this.#record = record;
      form.settle(this.#record.value, sent);
      fill(this.#news);
      this.#render();
      this.#toldRefused = undefined;
      this.#showRefused();
      const text = connection.offline
        ? 'Saved on this device. It is sent when the network is back.'
        : 'Saved on this device, and on its way.';
      this.#say('done', result === 'unchanged' ? 'Nothing is left to send.' : text);
    } catch (error) {
      this.#say('bad', reason(errorOf(error), kind));
    }
  }

  async #delete(): Promise<void> {
    const { connection, kind, go } = this.#place;
    if (!confirm(`Delete this ${kind.noun}? It can be brought back for 90 days.`)) return;
    try {
      this.#deleted = true;
      await connection.resource(kind).delete(this.#record);
      go(address('list', kind));
    } catch (error) {
      this.#deleted = false;
      this.#say('bad', reason(errorOf(error), kind));
    }
  }

  /** Shows a newer state. What the author is changing stays. */
  #changed(): void {
    const { connection, kind, id } = this.#place;
    const now = connection.resource(kind).view(id);
    if (!now || this.#deleted) return;
    // Another record has the id of a refused creation. The form has the only text of the creation.
    if (now.version !== 0 && this.#parked?.kind === 'create') return;
    const before = this.#record;
    this.#record = now;
    const names = this.#form.update(now.value);
    this.#showRefused();
    this.#render();
    if (now.version !== before.version && now.version !== this.#told) void this.#look(names);
  }

  /** Tells what others have written. `names`: the members that changed in the form; none when the page opens. */
  async #look(names: readonly string[] | undefined): Promise<void> {
    const { connection, kind, id, signal } = this.#place;
    const { person } = connection;
    const before = this.#told;
    this.#told = this.#record.version;
    if (names === undefined && (this.#record.updated.author?.id ?? person.id) === person.id) return;
    const rows = await rowsOf(connection, kind, id, signal);
    if (signal.aborted) return;
    lossNotices(this.#place, this.#losses, this.#record, rows);
    if (names === undefined) return;
    const others = rows.filter(
      (row) => row.version > before && row.version <= this.#record.version && !isBy(row, person),
    );
    this.#tellNews(others, names);
  }

  #tellNews(others: readonly Row[], names: readonly string[]): void {
    const { connection, kind } = this.#place;
    const clauses = new Map<string, Set<string>>();
    for (const row of [...others].reverse()) {
      const by = who(row, connection.person);
      const fields = clauses.get(by) ?? new Set();
      for (const { field } of row.changes)
        if (!this.#covered.has(top(field))) fields.add(labelOf(kind, top(field)).toLowerCase());
      if (fields.size) clauses.set(by, fields);
    }
    if (!clauses.size) return;
    const text = sentence([...clauses].map(([by, fields]) => `${by} changed the ${and([...fields])}`));
    fill(this.#news, notice('news', text));
    announce(text);
    const edited = new Set(this.#form.changed);
    for (const name of names) {
      const wrote = others.filter((row) => row.changes.some(({ field }) => !field || top(field) === name));
      const by = and([...new Set(wrote.map((row) => who(row, connection.person)))]);
      const remark = (text: string): HTMLElement => h('p', { class: 'hint' }, text);
      if (edited.has(name)) {
        const value = short(own(this.#record.value, name));
        const text = `${by || 'Another person'} saved this meanwhile: “${value}”. Your save is merged with it.`;
        this.#form.note(name, remark(text));
      } else if (by) this.#form.mark(name, remark(`${capital(by)} changed this just now.`));
    }
  }

  /**
   * Shows the changes that the server refused, with their reasons. The text of the first edit is in the form. A refused
   * deletion or restoration has no text, so what the author saves beside it is an edit like any other.
   */
  #showRefused(): void {
    const { connection, kind, id } = this.#place;
    const parked = connection.parked(kind.resource, id);
    const told = parked.map(({ n }) => n).join();
    if (told === this.#toldRefused) return;
    this.#toldRefused = told;
    const isNew = this.#record.version === 0;
    this.#refusedText = parked.find((one) =>
      one.kind === 'create' ? isNew : one.kind === 'edit' && !isParkedAlong(one),
    );
    const entry = this.#refusedText ?? parked[0];
    fill(this.#refused);
    this.#form.absolve();
    if (!entry) return;
    const { problem } = entry;
    if (entry === this.#refusedText && entry.kind === 'edit') this.#form.propose(entry);
    const rest = this.#form.blame(Object.entries(problem?.fields ?? {}));
    const text = problem ? words(problem, kind) : '';
    fill(
      this.#refused,
      notice(
        'bad',
        h('p', {}, text, entry === this.#refusedText ? ' Your text is in the form: change it, and save again.' : ''),
        rest.map((line) => h('p', {}, line)),
        parked.length > 1 ? h('p', {}, h('a', { href: '#/outbox' }, 'More was refused')) : null,
        h(
          'div',
          { class: 'actions' },
          button('Drop my change', () => this.#drop(entry), { class: 'danger' }),
        ),
      ),
    );
    announce(text);
    this.#form.focusFault();
  }

  async #drop(entry: Entry): Promise<void> {
    const { connection, kind, id } = this.#place;
    const isInForm = entry === this.#refusedText;
    await connection.outbox.drop(entry.n);
    const now = connection.resource(kind).view(id);
    if (now) {
      this.#record = now;
      if (entry.kind === 'create') this.#form.show(now.value);
      else if (isInForm && entry.kind === 'edit') this.#form.withdraw(entry, now.value);
    }
    this.#showRefused();
    this.#say('done', 'Your change was dropped.');
  }

  #gone(): void {
    const { kind, id } = this.#place;
    this.#deleted = true;
    const text = `This ${kind.noun} was deleted.`;
    fill(this.#news, notice('news', text, h('p', {}, h('a', { href: address('history', kind, id) }, 'Bring it back'))));
    announce(text);
  }

  #say(look: 'done' | 'bad', text: string): void {
    fill(this.#said, notice(look, text));
    announce(text);
  }
}
