/** Chooses the control for a schema and a value. */

import { isList, isMembers, write, type Json } from '../../../clients/typescript/src/json.ts';
import { fill, h } from '../dom.ts';
import { branchOf, isOf, typesOf, type Schema } from '../kinds.ts';
import type { Control, Part } from './control.ts';
import { listControl, objectControl, tupleControl } from './list.ts';
import { isLines, setControl, textControl, tickControl } from './text.ts';

/** Makes the control of a value. A value that is not of its schema is shown and stays as it is. */
export function controlOf(part: Part, value?: Json, plain = false): Control {
  const made = build(part, value, plain);
  return {
    element: made.element,
    read: () => made.read(),
    show: (next) => made.show(next),
    blame: (path, text) => made.blame(path, text),
    absolve: () => made.absolve(),
  };
}

function build(part: Part, value: Json | undefined, plain: boolean): Control {
  const types = typesOf(part.schema);
  const fits = value === undefined || types.length === 0 || types.some((type) => isOf(type, value));
  const schema = branchOf(part.schema, value);
  if (!fits) return keptControl(part);
  const one = typesOf(schema);
  if (one.includes('array') && (value === undefined || isList(value))) {
    if (schema.prefixItems) return tupleControl(part, schema.prefixItems);
    const items = typeof schema.items === 'object' ? schema.items : {};
    if (schema.uniqueItems && isLines(value)) return setControl({ ...part, schema });
    if (typesOf(items).length === 0) return keptControl(part);
    return listControl(part, items);
  }
  if (one.includes('object') && (value === undefined || isMembers(value))) {
    const list = part.pointer.endsWith('/-') ? part.entryKey(part.pointer.slice(0, -2)) : false;
    return schema.properties ? objectControl(part, schema, list === false ? [] : [list]) : keptControl(part);
  }
  if (one.length === 1 && one[0] === 'boolean') return tickControl(part);
  if (isList(value) || isMembers(value) || typeof value === 'boolean') return keptControl(part);
  const scalar = types.every((type) => ['string', 'number', 'integer', 'null'].includes(type));
  return scalar && (types.length || typeof value === 'string') ? textControl(part, plain) : keptControl(part);
}

/** Shows a value that the page cannot change. */
export function keptControl(part: Part): Control {
  let shown: Json | undefined;
  const text = h('code');
  const label = part.label || 'Value';
  const element = h('div', { class: 'field kept' }, h('p', { class: 'name' }, label), text);
  return {
    element,
    read: () => shown,
    show(value) {
      shown = value;
      fill(text, value === undefined ? '—' : write(value));
    },
    blame: (_, fault) => element.append(h('p', { class: 'fault' }, fault)),
    absolve: () => element.querySelectorAll('.fault').forEach((fault) => fault.remove()),
  };
}

/** Returns a schema for a list that a resource's file only names: its objects, with the texts that they have. */
export function guessed(value: Json | undefined, key: string | false): Schema {
  const names = new Set<string>();
  for (const entry of isList(value) ? value : [])
    if (isMembers(entry))
      for (const name of Object.keys(entry)) if (name !== key && typeof entry[name] === 'string') names.add(name);
  if (!names.size) names.add('text');
  const properties = Object.fromEntries([...names].map((name): [string, Schema] => [name, { type: 'string' }]));
  return { type: 'array', items: { type: 'object', properties } };
}
