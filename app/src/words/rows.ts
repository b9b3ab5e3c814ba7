/** The history of a record: who wrote what. */

import { equal, isMembers, own, type Json, type Members } from '../../../clients/typescript/src/json.ts';
import { shape } from '../../../clients/typescript/src/record.ts';
import type { Version } from '../../../clients/typescript/src/resource.ts';
import type { Connection, Person } from '../connection.ts';
import { labelOf, type Kind } from '../kinds.ts';

/** The number of writes that are looked through: one page of the history. */
const LOOKED_THROUGH = 100;

/** A write. */
export interface Row {
  readonly version: number;
  readonly at: number | undefined;
  /** The name of the API key. */
  readonly by: string | undefined;
  readonly name: string | undefined;
  readonly authorId: string | undefined;
  readonly deleted: boolean;
  readonly external: boolean;
  readonly changes: NonNullable<Version['changes']>;
}

/** Reads the newest writes of a record, newest first. Returns none if the host cannot be asked. */
export async function rowsOf(connection: Connection, kind: Kind, id: string, signal?: AbortSignal): Promise<Row[]> {
  if (connection.offline) return [];
  try {
    const pages = connection.resource(kind).online.versions(id, { limit: LOOKED_THROUGH, ...(signal && { signal }) });
    for await (const page of pages.pages()) return page.records.map((row) => toRow(kind, row));
  } catch {
    // A sentence without names is better than none.
  }
  return [];
}

/** Reads the state at a version. Returns none if the host cannot be asked. */
export async function stateOf(
  connection: Connection,
  kind: Kind,
  id: string,
  version: number,
): Promise<Members | undefined> {
  if (connection.offline) return undefined;
  try {
    return (await connection.resource(kind).online.version(id, version)).value;
  } catch {
    return undefined; // names of more people are better than no sentence
  }
}

/** Returns a write of the history. Its members have the names that the resource's file chose. */
export function toRow(kind: Kind, json: Version): Row {
  const members = json as unknown as Members;
  const { names } = shape(kind.resource, kind.options);
  const author = own(members, names.updated_author);
  const named = (name: string): string | undefined => {
    const found = isMembers(author) ? own(author, name) : undefined;
    return typeof found === 'string' ? found : undefined;
  };
  const [version, at, by] = [names.version, names.updated_at, names.updated_by].map(
    (name) => own(members, name) ?? own(members, name === names.version ? 'version' : name),
  );
  return {
    version: Number(version),
    at: typeof at === 'number' ? at : undefined,
    by: typeof by === 'string' ? by : undefined,
    name: named('name'),
    authorId: named('id'),
    deleted: json.deleted === true,
    external: json.external === true,
    changes: json.changes ?? [],
  };
}

/** Reports whether a person made a write. */
export function isBy(row: Row | undefined, person: Person): boolean {
  return row?.authorId === person.id;
}

/** Returns who made a write, for a sentence. */
export function who(row: Row | undefined, person: Person): string {
  if (!row) return 'another person';
  if (isBy(row, person)) return 'you';
  if (row.name !== undefined) return row.name;
  return row.external ? 'another program' : `“${row.by ?? 'another key'}”`;
}

/** Returns the first member that a JSON Pointer names. */
export function top(pointer: string): string {
  return tokens(pointer)[0] ?? '';
}

/** Returns the JSON Pointer of a member. */
export function pointerOf(name: string): string {
  return `/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`;
}

/** Returns the names in a JSON Pointer. */
export function tokens(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replace(/~1/g, '/').replace(/~0/g, '~'));
}

/** Returns the name of the place of a JSON Pointer, for a sentence. */
export function placeOf(kind: Kind, pointer: string): string {
  const [name = '', ...rest] = tokens(pointer);
  if (!name) return `whole ${kind.noun}`;
  const inner = rest.filter((token) => !/^\d+$/.test(token)).map((token) => token.replace(/_/g, ' '));
  const label = labelOf(kind, name).toLowerCase();
  if (!rest.length) return label;
  const entry = inner.length === rest.length ? '' : 'entry of ';
  return inner.length ? `${inner.join(' ')} of ${entry && 'an '}${entry}${label}` : `entry of ${label}`;
}

/** A value of the person that another writer has replaced. */
export interface Loss {
  readonly pointer: string;
  /** The id or the value of a list's entry. */
  readonly entry: Json | undefined;
  readonly before: Json;
  readonly by: Row;
}

/**
 * Returns the values of a person that others have replaced since that person's last write. `rows`: newest first. The
 * person knows of the writes up to `noted`.
 */
export function lossesOf(rows: readonly Row[], person: Person, noted: number): Loss[] {
  const mine = rows.find((row) => isBy(row, person));
  if (!mine) return [];
  const before = rows.filter(({ version }) => version <= mine.version);
  const found = new Map<string, Loss>();
  for (const row of [...rows].reverse()) {
    if (row.version <= Math.max(mine.version, noted) || isBy(row, person)) continue;
    for (const change of row.changes) {
      const { field: pointer, entry, replaced } = change;
      const place = JSON.stringify([pointer, entry === undefined ? [] : [String(entry)]]);
      if (replaced === undefined || !isWorkOf(before, person, pointer, entry)) continue;
      const first = found.get(place);
      found.set(place, first ? { ...first, by: row } : { pointer, entry, before: replaced, by: row });
    }
  }
  return [...found.values()];
}

/** Reports whether a person made the last write of a place. */
function isWorkOf(rows: readonly Row[], person: Person, pointer: string, entry: Json | undefined): boolean {
  for (const row of rows)
    for (const change of row.changes) {
      const related =
        change.field === pointer || pointer.startsWith(`${change.field}/`) || change.field.startsWith(`${pointer}/`);
      const whole = change.entry === undefined || entry === undefined;
      if (related && (whole || equal(change.entry, entry))) return isBy(row, person);
    }
  return false;
}
