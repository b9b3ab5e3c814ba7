/** Lists: entries that can be added, removed and moved. */

import {
  equal,
  fromEntries,
  has,
  isList,
  isMembers,
  type Json,
  type Members,
} from '../../../clients/typescript/src/json.ts';
import { announce, button, fill, h } from '../dom.ts';
import { typesOf, type Schema } from '../kinds.ts';
import { capital } from '../words/text.ts';
import { mark, type Control, type Part } from './control.ts';
import { controlOf } from './make.ts';

/** From this number of entries on, Tab leaves the list, and Ctrl with the arrow keys leads from entry to entry. */
const MANY = 10;

interface Row {
  readonly control: Control;
  readonly element: HTMLElement;
  readonly name: HTMLElement;
}

export function listControl(part: Part, items: Schema): Control {
  let shown: Json | undefined;
  let rows: Row[] = [];
  let current = 0;
  const word = typesOf(items).includes('object') ? 'entry' : 'value';
  const list = h('ol', { class: 'entries' });
  const fault = h('p', { class: 'fault' });
  const add = button(
    `Add ${word === 'entry' ? 'an entry' : 'a value'} to ${part.label}`,
    () => {
      rows.push(row(undefined));
      arrange(rows.length - 1, true);
      announce(`${word} ${rows.length} of ${part.label} was added`);
    },
    { class: 'quiet' },
  );
  const element = h(
    'fieldset',
    { class: 'list' },
    h('legend', {}, capital(part.label), mark(part)),
    part.schema.description && h('p', { class: 'hint' }, part.schema.description),
    list,
    part.fixed ? null : add,
    fault,
  );

  function row(value: Json | undefined): Row {
    const control = controlOf(
      { ...part, schema: items, label: '', required: true, pointer: `${part.pointer}/-` },
      value,
    );
    control.show(value);
    const name = h('legend');
    const made: Row = { control, name, element: h('fieldset', { class: 'entry' }, name, control.element) };
    const act = (text: string, work: () => void): HTMLButtonElement =>
      button(text, work, { class: 'quiet small', 'data-act': text });
    const tools = h(
      'div',
      { class: 'tools' },
      act('Move up', () => move(made, -1)),
      act('Move down', () => move(made, 1)),
      act('Remove', () => remove(made)),
    );
    if (!part.fixed) made.element.append(tools);
    const holder = h('li', {}, made.element);
    holder.addEventListener('focusin', () => focused(made));
    return { ...made, element: holder };
  }

  /** Shows the rows in their order. `focus`: puts the focus into one. */
  function arrange(place: number, focus: boolean): void {
    current = Math.max(0, Math.min(place, rows.length - 1));
    fill(
      list,
      rows.map(({ element }) => element),
    );
    const many = rows.length >= MANY;
    rows.forEach(({ element, name }, index) => {
      fill(name, `${capital(part.label)}: ${word} ${index + 1}`);
      for (const control of inputs(element)) {
        control.tabIndex = many && index !== current ? -1 : 0;
        const act = control.dataset.act;
        if (act) control.setAttribute('aria-label', `${act}: ${word} ${index + 1} of ${part.label}`);
      }
    });
    if (focus) (inputs(rows[current]?.element)[0] ?? add).focus();
    element.dispatchEvent(new Event('input', { bubbles: true }));
  }

  function focused(made: Row): void {
    const place = rows.findIndex(({ control }) => control === made.control);
    if (place < 0 || place === current || rows.length < MANY) return;
    for (const [index, { element }] of rows.entries())
      for (const control of inputs(element)) control.tabIndex = index === place ? 0 : -1;
    current = place;
  }

  function move(made: Row, by: number): void {
    const from = rows.findIndex(({ control }) => control === made.control);
    const to = from + by;
    const moved = rows[from];
    if (!moved || to < 0 || to >= rows.length) return;
    const focus = document.activeElement;
    rows.splice(from, 1);
    rows.splice(to, 0, moved);
    arrange(to, false);
    if (focus instanceof HTMLElement) focus.focus();
    announce(`${word} moved to place ${to + 1} of ${rows.length}`);
  }

  function remove(made: Row): void {
    const place = rows.findIndex(({ control }) => control === made.control);
    rows = rows.filter(({ control }) => control !== made.control);
    arrange(place, true);
    announce(`${word} ${place + 1} of ${part.label} was removed`);
  }

  list.addEventListener('keydown', (event) => {
    const by = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0;
    const place = rows.findIndex(({ element }) => element.contains(event.target as Node));
    const at = rows[place];
    if (!by || !at || part.fixed || !(event.ctrlKey || event.altKey)) return;
    event.preventDefault();
    if (event.altKey) move(at, by);
    else inputs(rows[place + by]?.element)[0]?.focus();
  });

  return {
    element,
    read() {
      const value = rows.map(({ control }) => control.read()).filter((entry) => entry !== undefined);
      const before = isList(shown) ? shown : [];
      return equal(value, before) ? shown : value;
    },
    show(value) {
      shown = value;
      rows = (isList(value) ? value : []).map(row);
      arrange(0, false);
    },
    blame([place, ...rest], text) {
      const at = place === undefined ? undefined : rows[Number(place)];
      if (at) at.control.blame(rest, text);
      else fill(fault, text);
    },
    absolve() {
      fill(fault);
      for (const { control } of rows) control.absolve();
    },
  };
}

/** Shows a list with a fixed meaning for each place. */
export function tupleControl(part: Part, places: readonly Schema[]): Control {
  let shown: Json | undefined;
  const parts = places.map((schema, place) =>
    controlOf({
      ...part,
      schema,
      label: schema.title ?? `${part.label} ${place + 1}`,
      pointer: `${part.pointer}/${place}`,
    }),
  );
  const fault = h('p', { class: 'fault' });
  const about = part.schema.description;
  const element = h(
    'fieldset',
    { class: 'list tuple' },
    h('legend', {}, capital(part.label), mark(part)),
    about ? h('p', { class: 'hint' }, about) : null,
    parts.map((control) => control.element),
    fault,
  );
  return {
    element,
    read() {
      const value = parts.map((control) => control.read());
      const before = isList(shown) ? shown : [];
      const rest = before.slice(parts.length);
      while (!rest.length && value.length && value.at(-1) === undefined) value.pop();
      const all = [...value.map((entry) => entry ?? ''), ...rest];
      return equal(all, before) ? shown : all.length ? all : undefined;
    },
    show(value) {
      shown = value;
      parts.forEach((control, place) => control.show(isList(value) ? value[place] : undefined));
    },
    blame([place, ...rest], text) {
      const at = place === undefined ? undefined : parts[Number(place)];
      if (at) at.blame(rest, text);
      else fill(fault, text);
    },
    absolve() {
      fill(fault);
      for (const control of parts) control.absolve();
    },
  };
}

/** Shows an object. Members that the schema does not describe stay as they are. */
export function objectControl(part: Part, schema: Schema, hidden: readonly string[]): Control {
  let shown: Json | undefined;
  const required = schema.required ?? [];
  const rank = (name: string): number => (required.includes(name) ? 0 : 1);
  const names = Object.keys(schema.properties ?? {})
    .filter((name) => !hidden.includes(name))
    .sort((one, other) => rank(one) - rank(other));
  const controls = new Map<string, Control>();
  for (const name of names) {
    const inner = (schema.properties ?? {})[name] as Schema;
    const label = inner.title ?? name.replace(/_/g, ' ');
    const pointer = `${part.pointer}/${name}`;
    controls.set(name, controlOf({ ...part, schema: inner, label, required: required.includes(name), pointer }));
  }
  const fault = h('p', { class: 'fault' });
  const inside = [[...controls.values()].map((control) => control.element), fault];
  const element = part.label
    ? h('fieldset', { class: 'list object' }, h('legend', {}, capital(part.label), mark(part)), inside)
    : h('div', { class: 'members' }, inside);
  return {
    element,
    read() {
      const before: Members = isMembers(shown) ? shown : {};
      const made = new Map<string, Json>(Object.entries(before));
      for (const [name, control] of controls) {
        const value = control.read();
        if (value === undefined) made.delete(name);
        else made.set(name, value);
      }
      const value = fromEntries(made);
      if (equal(value, before)) return shown;
      return made.size || shown !== undefined ? value : undefined;
    },
    show(value) {
      shown = value;
      for (const [name, control] of controls)
        control.show(isMembers(value) && has(value, name) ? value[name] : undefined);
    },
    blame([name, ...rest], text) {
      const at = name === undefined ? undefined : controls.get(name);
      if (at) at.blame(rest, text);
      else fill(fault, name === undefined ? text : `${name} ${text}`);
    },
    absolve() {
      fill(fault);
      for (const control of controls.values()) control.absolve();
    },
  };
}

function inputs(element: Element | undefined): HTMLElement[] {
  return [...(element?.querySelectorAll<HTMLElement>('input, textarea, select, button') ?? [])];
}
