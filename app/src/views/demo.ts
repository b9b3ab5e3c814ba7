/** The demonstration: two people side by side, one of them without a network. */

import { Client } from '../../../clients/typescript/src/client.ts';
import { put, type Json, type Members } from '../../../clients/typescript/src/json.ts';
import { address, notice } from '../app.ts';
import { fill, h } from '../dom.ts';
import { typesOf, type Kind, type Schema } from '../kinds.ts';
import type { Session } from '../session.ts';
import { errorOf, reason } from '../words/problems.ts';

const STEPS = [
  'Bo is offline: change a field on Bo’s side and save, and change the same field and another one on Ann’s side.',
  'Switch Bo online: the page says which change of Ann’s was replaced, and a button brings it back.',
  'Nothing was lost: each side shows both edits, and the history has every value that was replaced.',
];

/** The record of this tab's demonstration. */
const RECORD = 'ripple.demo';

export async function showDemo(root: HTMLElement, session: Session, kind: Kind): Promise<void> {
  const panes = h('div', { class: 'panes' });
  document.title = 'Two people at once – ripple';
  fill(
    root,
    h(
      'main',
      { class: 'demo', id: 'main' },
      h('h1', {}, 'Two people at once'),
      h(
        'ol',
        { class: 'steps' },
        STEPS.map((text) => h('li', {}, text)),
      ),
      panes,
    ),
  );
  try {
    const at = address('record', kind, await recordOf(session, kind));
    const pane = (person: string, title: string, query: string): HTMLElement =>
      h(
        'section',
        { 'aria-label': title },
        h('h2', {}, title),
        h('iframe', { title, src: `app?pane=${person}${query}${at}` }),
      );
    fill(panes, pane('ann', 'Ann', ''), pane('bo', 'Bo, offline at first', '&offline'));
  } catch (error) {
    fill(panes, notice('bad', reason(errorOf(error), kind)));
  }
}

/** Returns the id of the record to edit. Creates it once for a tab. */
async function recordOf({ key, person }: Session, kind: Kind): Promise<string> {
  const kept = sessionStorage.getItem(RECORD);
  const client = new Client(new URL('.', location.href), { key, author: person });
  const resource = client.resource(kind.resource, kind.options);
  if (kept !== null && (await resource.get(kept).catch(() => undefined))) return kept;
  const { record } = await resource.create(sample(kind));
  sessionStorage.setItem(RECORD, record.id);
  return record.id;
}

/** Texts for members that many tables have. */
const TEXTS: { readonly [name: string]: string } = {
  name: 'Garden',
  subject: 'Garden',
  title: 'Garden',
  goal: 'Beans by June',
  issue: 'Snails',
  description: 'Raised beds behind the house',
  details: 'Raised beds behind the house',
  term_unit: 'month',
  create_date: '2026-03-01',
};

/** Returns a record that the schema allows, as far as it can be made of it. */
export function sample(kind: Kind): Members {
  const members = {};
  for (const [name, schema] of kind.members)
    if (kind.required.has(name) || name in TEXTS) put(members, name, valueOf(schema, name));
  if (kind.chosenKey)
    for (const [name, type] of kind.keys) put(members, name, type === 'number' ? Date.now() : String(Date.now()));
  return members;
}

function valueOf(schema: Schema, name: string): Json {
  const chosen = schema.default ?? (schema as { examples?: readonly Json[] }).examples?.[0] ?? schema.enum?.[0];
  if (chosen !== undefined) return chosen;
  const [type] = typesOf(schema);
  switch (type) {
    case 'integer':
    case 'number':
      return Math.max(3, schema.minimum ?? schema.oneOf?.[0]?.minimum ?? 3);
    case 'boolean':
      return false;
    case 'array':
      return (schema.prefixItems ?? []).map((inner) => valueOf(inner, name));
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((inner) => [inner, valueOf(schema.properties?.[inner] ?? {}, inner)]),
      );
    default:
      return schema.format === 'date'
        ? '2026-03-01'
        : schema.format === 'date-time'
          ? '2026-03-01T10:00:00Z'
          : (TEXTS[name] ?? name);
  }
}
