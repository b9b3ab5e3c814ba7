/** The form of a record. It keeps what its author saw of each member, and what the author made of it. */

import { changed, pick, replaced, type Edit } from '../../../clients/typescript/src/edit.ts';
import { equal, has, own, put, type Json, type Members } from '../../../clients/typescript/src/json.ts';
import { entryKey, shape, type Shape } from '../../../clients/typescript/src/record.ts';
import { fill, h } from '../dom.ts';
import { labelOf, type Kind, type Schema } from '../kinds.ts';
import { tokens } from '../words/rows.ts';
import { capital } from '../words/text.ts';
import { check } from './check.ts';
import type { Control, Part } from './control.ts';
import { controlOf, guessed, keptControl } from './make.ts';

interface Member {
  readonly name: string;
  readonly schema: Schema;
  readonly part: Part;
  control: Control;
  readonly holder: HTMLElement;
  readonly note: HTMLElement;
}

export class RecordForm {
  readonly element: HTMLElement;
  readonly #kind: Kind;
  readonly #shape: Shape;
  readonly #members: Member[] = [];
  readonly #others = h('div', { class: 'others' });
  readonly #more: HTMLElement;
  /** What the author saw. A member of which the author has changed the value keeps what was seen before the change. */
  #seen: Members = {};

  constructor(kind: Kind, members: Members, isNew: boolean) {
    this.#kind = kind;
    this.#shape = shape(kind.resource, kind.options);
    this.#more = h('details', { class: 'more' }, h('summary', {}, 'Other members'), this.#others);
    const known = new Set(kind.members.map(([name]) => name));
    const named = Object.keys(kind.options.entries ?? {}).map((pointer) => tokens(pointer));
    const lists = named.flatMap(([name, inner]) => (name && inner === undefined && !known.has(name) ? [name] : []));
    if (isNew && kind.chosenKey) for (const [name, type] of kind.keys) this.#add(name, { type }, members, true);
    for (const [name, schema] of kind.members) this.#add(name, schema, members);
    for (const name of lists) this.#add(name, guessed(own(members, name), entryKey(this.#shape, `/${name}`)), members);
    this.element = h(
      'div',
      { class: 'form' },
      this.#members.map(({ holder }) => holder),
      this.#more,
    );
    this.show(members);
  }

  /** Shows a record in place of everything. */
  show(members: Members): void {
    this.#seen = members;
    for (const member of this.#members) this.#render(member, own(members, member.name));
    this.#showOthers(members);
  }

  /**
   * Shows a newer state of the record, except where the author has changed the value. Returns the names of the members
   * that changed.
   */
  update(members: Members): string[] {
    const changed: string[] = [];
    const seen = new Map<string, Json>(Object.entries(members));
    for (const member of this.#members) {
      const { name, control } = member;
      const [before, now] = [own(this.#seen, name), own(members, name)];
      if (equal(before, now)) continue;
      changed.push(name);
      if (equal(control.read(), before)) this.#render(member, now);
      else if (before === undefined) seen.delete(name);
      else seen.set(name, before);
    }
    const made = {};
    for (const [name, value] of seen) put(made, name, value);
    this.#seen = made;
    this.#showOthers(members);
    return changed;
  }

  /** Returns the present value of every member. */
  values(): ReadonlyMap<string, Json | undefined> {
    return new Map(this.#members.map(({ name, control }) => [name, control.read()]));
  }

  /** Shows a record that was made of `sent`. What the author has written meanwhile stays. */
  settle(members: Members, sent: ReadonlyMap<string, Json | undefined>): void {
    this.#seen = members;
    for (const member of this.#members)
      if (equal(member.control.read(), sent.get(member.name))) this.#render(member, own(members, member.name));
    this.#showOthers(members);
  }

  /** Returns the record as the author saw it. */
  get seen(): Members {
    return this.#seen;
  }

  /** Returns the names of the members that the author changed. */
  get changed(): string[] {
    return this.#members
      .filter(({ name, control }) => !equal(control.read(), own(this.#seen, name)))
      .map(({ name }) => name);
  }

  /** Reports whether the author has written something that neither the record nor an edit has. */
  isBeyond(edit: Edit | undefined): boolean {
    const names = edit ? changed(edit) : [];
    return this.#members
      .filter(({ name }) => this.changed.includes(name))
      .some(({ name, control }) => !names.includes(name) || !equal(control.read(), own(edit?.set ?? {}, name)));
  }

  /** Makes the author's changes in a draft. `names`: members that have other values in the draft than were seen. */
  apply(draft: object, names: readonly string[] = []): void {
    for (const { name, control } of this.#members) {
      const value = control.read();
      if (equal(value, own(this.#seen, name)) && !names.includes(name)) continue;
      if (value === undefined) delete (draft as { [name: string]: Json })[name];
      else put(draft, name, value);
    }
  }

  /** Shows an edit as if the author had just made it. What the author has written since stays. */
  propose(edit: Edit): void {
    const names = changed(edit);
    const untouched = this.#members.filter(({ name }) => names.includes(name) && !this.changed.includes(name));
    for (const member of untouched) this.#render(member, own(edit.set, member.name));
    this.#seen = replaced(this.#seen, names, edit.seen);
  }

  /** Takes a proposed edit back, and shows a state of the record in its place. What the author has written since stays. */
  withdraw(edit: Edit, members: Members): void {
    const names = changed(edit);
    const proposed = this.#members.filter(
      ({ name, control }) => names.includes(name) && equal(control.read(), own(edit.set, name)),
    );
    for (const member of proposed) this.#render(member, own(members, member.name));
    const taken = proposed.map(({ name }) => name);
    const shown = taken.filter((name) => has(members, name));
    this.#seen = replaced(this.#seen, taken, pick(members, shown));
  }

  /** Checks what the author changed, or, of a new record, everything. Reports whether it can be sent. */
  check(isNew: boolean): boolean {
    this.absolve();
    const wanted = isNew ? this.#members.map(({ name }) => name) : this.changed;
    const faults = this.#members
      .filter(({ name }) => wanted.includes(name))
      .flatMap(({ name, control, part, schema }) => {
        const value = control.read();
        const missing = value === undefined || (value === '' && part.required);
        if (missing) return part.required ? [{ path: [name], text: 'is required' }] : [];
        return check(schema, value, [name]);
      });
    for (const { path, text } of faults) this.#blame(path, text);
    return faults.length === 0;
  }

  /** Shows the server's faults, by JSON Pointer. Returns those that belong to no member of the form. */
  blame(faults: Iterable<readonly [string, string]>): string[] {
    return [...faults].flatMap(([pointer, text]) => {
      const path = tokens(pointer);
      return this.#blame(path[0] === 'set' && !has(this.#seen, 'set') ? path.slice(1) : path, text)
        ? []
        : [`${pointer} ${text}`];
    });
  }

  absolve(): void {
    for (const { control } of this.#members) control.absolve();
  }

  /** Puts the focus into the first control with a fault. */
  focusFault(): void {
    const faulty = this.element.querySelector<HTMLElement>('[aria-invalid]') ?? this.#firstFault();
    faulty?.focus();
  }

  /** Writes a remark below a member. */
  note(name: string, ...children: Parameters<typeof fill>[1][]): void {
    const member = this.#members.find((other) => other.name === name);
    if (member) fill(member.note, children);
  }

  /** Marks a member that another person has changed in place. The mark stays until the member is shown anew. */
  mark(name: string, ...children: Parameters<typeof fill>[1][]): void {
    this.#members.find((other) => other.name === name)?.holder.classList.add('changed');
    this.note(name, ...children);
  }

  /** Returns the name of the member that has the focus. */
  get focused(): string | undefined {
    return this.#members.find(({ holder }) => holder.contains(document.activeElement))?.name;
  }

  #firstFault(): HTMLElement | null {
    const fault = [...this.element.querySelectorAll('.fault')].find(({ textContent }) => textContent);
    return fault?.closest('.field, fieldset')?.querySelector('input, textarea, select, button') ?? null;
  }

  #blame([name, ...rest]: readonly string[], text: string): boolean {
    const member = this.#members.find((other) => other.name === name);
    member?.control.blame(rest, `${capital(member.part.label)} ${text}.`);
    return member !== undefined;
  }

  #add(name: string, schema: Schema, members: Members, chosen = false): void {
    const part: Part = {
      schema,
      label: labelOf(this.#kind, name),
      required: chosen || this.#kind.required.has(name),
      fixed: this.#kind.readOnly,
      pointer: `/${name}`,
      entryKey: (pointer) => entryKey(this.#shape, pointer),
    };
    const control = this.#control(part, name, own(members, name));
    const note = h('div', { class: 'note' });
    this.#members.push({
      name,
      schema,
      part,
      control,
      note,
      holder: h('div', { 'data-member': name }, control.element, note),
    });
  }

  #control(part: Part, name: string, value: Json | undefined): Control {
    return controlOf(part, value, name === this.#kind.label);
  }

  /** Shows a value, in another control if it needs one. The focus stays at its place. */
  #render(member: Member, value: Json | undefined): void {
    const { holder } = member;
    const inputs = (): HTMLElement[] => [...holder.querySelectorAll<HTMLElement>('input, textarea, select, button')];
    const active = document.activeElement;
    const place = inputs().findIndex((input) => input === active);
    const caret =
      active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement ? active.selectionStart : null;
    const control = this.#control(member.part, member.name, value);
    control.show(value);
    member.control.element.replaceWith(control.element);
    member.control = control;
    fill(member.note);
    holder.classList.remove('changed');
    const now = place < 0 ? undefined : inputs()[place];
    now?.focus({ preventScroll: true });
    if (
      caret !== null &&
      (now instanceof HTMLInputElement || now instanceof HTMLTextAreaElement) &&
      now.type !== 'checkbox'
    )
      now.setSelectionRange(caret, caret);
  }

  #showOthers(members: Members): void {
    const names = new Set([...this.#members.map(({ name }) => name), ...this.#kind.keys.map(([name]) => name)]);
    const others = Object.keys(members).filter((name) => !names.has(name));
    this.#more.hidden = others.length === 0;
    fill(
      this.#others,
      h('p', { class: 'hint' }, 'Other programs or pages wrote these. They are kept as they are.'),
      others.map((name) => {
        const control = keptControl({
          schema: {},
          label: name,
          required: false,
          fixed: true,
          pointer: `/${name}`,
          entryKey: () => false,
        });
        control.show(members[name]);
        return control.element;
      }),
    );
  }
}
