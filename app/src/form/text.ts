/** Texts, numbers, dates and choices: everything that is written in one input. */

import { equal, isList, isMembers, parse, type Json } from '../../../clients/typescript/src/json.ts';
import { h } from '../dom.ts';
import { isNumber, typesOf, type Schema } from '../kinds.ts';
import { Frame, type Control, type Part } from './control.ts';

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
/** Longer texts get several lines. */
const ONE_LINE = 120;

/** Shows a text or a number in an input, or one of several values in a list to choose from. */
export function textControl(part: Part, plain: boolean): Control {
  const { schema } = part;
  const kinds = typesOf(schema);
  let shown: Json | undefined;
  let text = '';
  const input = schema.enum ? choice(schema) : isLong(schema, plain) ? area(part) : line(part);
  const frame = new Frame(part, input, hintOf(schema));
  if (part.fixed) input.disabled = true;
  return {
    element: frame.element,
    read: () => (input.value === text ? shown : valueOf(input.value, schema, kinds, shown, part.required)),
    show(value) {
      shown = value;
      const wanted = textOf(value);
      if (input instanceof HTMLSelectElement) offer(input, schema, value);
      input.value = wanted;
      text = input.value; // as the browser normalises it
    },
    blame: (_, fault) => frame.blame(fault),
    absolve: () => frame.blame(undefined),
  };
}

/** Shows a truth value. An absent one stays absent until it is ticked. */
export function tickControl(part: Part): Control {
  let shown: Json | undefined;
  const input = h('input', { type: 'checkbox', disabled: part.fixed });
  const frame = new Frame({ ...part, required: false }, input, part.schema.description);
  return {
    element: frame.element,
    read: () => (input.checked === (shown === true) && !(shown === undefined && part.required) ? shown : input.checked),
    show(value) {
      shown = value;
      input.checked = value === true;
    },
    blame: (_, fault) => frame.blame(fault),
    absolve: () => frame.blame(undefined),
  };
}

/** Shows a set of texts or numbers, one on each line. */
export function setControl(part: Part): Control {
  const items = part.schema.items as Schema;
  const kinds = typesOf(items);
  let shown: Json | undefined;
  const input = h('textarea', { rows: 3, disabled: part.fixed });
  const about = [part.schema.description, 'One on each line.'].filter(Boolean).join(' ');
  const frame = new Frame(part, input, about);
  const textOfAll = (value: Json | undefined): string => (isList(value) ? value.map(textOf).join('\n') : '');
  return {
    element: frame.element,
    read() {
      if (input.value === textOfAll(shown)) return shown;
      const lines = [...new Set(input.value.split('\n').map((entry) => entry.trim()))].filter((entry) => entry !== '');
      if (!lines.length && shown === undefined) return undefined;
      return lines.map((entry) => valueOf(entry, items, kinds, undefined, true) ?? entry);
    },
    show(value) {
      shown = value;
      input.value = textOfAll(value);
    },
    blame: (_, fault) => frame.blame(fault),
    absolve: () => frame.blame(undefined),
  };
}

/** Reports whether a set can be shown with one entry on each line. */
export function isLines(value: Json | undefined): boolean {
  const short = (entry: Json): boolean => isNumber(entry) || (typeof entry === 'string' && /^\S(.*\S)?$/.test(entry));
  return value === undefined || (isList(value) && value.every(short));
}

/** Reads what the author wrote. A number keeps every digit; a text that is none is returned for the check to refuse. */
function valueOf(
  text: string,
  schema: Schema,
  kinds: readonly string[],
  shown: Json | undefined,
  required: boolean,
): Json | undefined {
  const option = schema.enum?.find((one) => textOf(one) === text);
  if (option !== undefined) return option;
  const numeric = kinds.some((kind) => kind === 'number' || kind === 'integer');
  const textual = kinds.includes('string') || kinds.length === 0;
  if (text === '') {
    if (kinds.includes('null') && shown === null) return null;
    return textual && !numeric && (required || shown === '') ? '' : undefined;
  }
  const number = text.trim();
  if (numeric && NUMBER.test(number) && !(textual && typeof shown === 'string')) return parse(number);
  // A text with line ends of Windows keeps them.
  return typeof shown === 'string' && shown.includes('\r\n') ? text.replace(/\n/g, '\r\n') : text;
}

function textOf(value: Json | undefined): string {
  return value === undefined || value === null || isMembers(value) || isList(value) ? '' : String(value);
}

function isLong(schema: Schema, plain: boolean): boolean {
  if (plain || schema.format === 'multiline') return schema.format === 'multiline';
  const textual = typesOf(schema).every((kind) => kind === 'string') && schema.format === undefined;
  return textual && (schema.maxLength === undefined || schema.maxLength > ONE_LINE);
}

function line({ schema }: Part): HTMLInputElement {
  const kinds = typesOf(schema);
  const mode = kinds.includes('number') ? 'decimal' : kinds.includes('integer') ? 'numeric' : undefined;
  return h('input', { type: 'text', inputmode: mode, autocomplete: 'off', spellcheck: mode === undefined });
}

function area({ schema }: Part): HTMLTextAreaElement {
  return h('textarea', { rows: schema.format === 'multiline' ? 4 : 2 });
}

function choice(schema: Schema): HTMLSelectElement {
  const select = h('select');
  offer(select, schema, undefined);
  return select;
}

/** Offers the values of a schema, and the present one if it is another. */
function offer(select: HTMLSelectElement, schema: Schema, value: Json | undefined): void {
  const all = schema.enum ?? [];
  const other = value !== undefined && !all.some((one) => equal(one, value)) ? [value] : [];
  const empty = h('option', { value: '' }, '—');
  select.replaceChildren(empty, ...[...all, ...other].map((one) => h('option', { value: textOf(one) }, textOf(one))));
}

const FORMATS: { readonly [format: string]: string } = {
  date: 'Year-month-day, such as 2026-03-01.',
  'date-time': 'With a time zone, such as 2026-03-01T10:00:00Z.',
};

function hintOf({ description, format }: Schema): string | undefined {
  return [description?.replace(/`/g, ''), format && FORMATS[format]].filter(Boolean).join(' ') || undefined;
}
