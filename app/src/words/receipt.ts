/** Receipts in words. */

import type { Receipt, Touched } from '../../../clients/typescript/src/receipt.ts';
import type { Connection, Written } from '../connection.ts';
import type { Kind } from '../kinds.ts';
import { isBy, placeOf, rowsOf, top, who, type Row } from './rows.ts';
import { and, capital, sentence, wasOrWere } from './text.ts';

/** What became of a write. */
export interface Story {
  readonly sentence: string;
  /** The values of others that the write replaced. */
  readonly replaced: readonly Replaced[];
}

/** A value that a write replaced. */
export interface Replaced {
  readonly sentence: string;
  readonly place: string;
  readonly pointer: string;
  /** The version with the replaced value, and the one that the write made. */
  readonly version: number;
  readonly made: number;
}

/** Tells what a write did. Asks the history for names, if others wrote beside it. */
export async function storyOf(connection: Connection, kind: Kind, written: Written, receipt: Receipt): Promise<Story> {
  const { noun } = kind;
  if (receipt.result === 'created') return only(`the ${noun} was created`);
  if (receipt.result === 'deleted') return only(`the ${noun} was deleted`);
  const asks = [...receipt.won, ...receipt.merged, ...receipt.kept].length > 0;
  const rows = asks ? await rowsOf(connection, kind, written.id) : [];
  const others = rows.filter(
    (row) => row.version < receipt.version && row.version > (receipt.base ?? 0) && !isBy(row, connection.person),
  );
  const clauses: string[] = [];
  if (receipt.result === 'restored')
    clauses.push(`the ${noun} is back as it was in version ${written.restores ?? ''}`.trim());
  else clauses.push(...taken(kind, receipt), ...merged(connection, kind, receipt, others));
  clauses.push(...kept(connection, kind, receipt, others));
  const replaced = receipt.won.map((touched) => lost(connection, kind, touched, receipt, rows));
  if (!clauses.length && !replaced.length) clauses.push(`nothing changed: the ${noun} already was as you saved it`);
  if (receipt.baseMissing)
    clauses.push('the history no longer has the state that you began with, so nothing was removed');
  if (receipt.omitted) clauses.push('the history has more');
  return { sentence: clauses.length ? sentence(clauses) : '', replaced };
}

function only(clause: string): Story {
  return { sentence: sentence([clause]), replaced: [] };
}

function taken(kind: Kind, { taken: fields }: Receipt): string[] {
  const lists = fields.filter(({ added, removed, changed }) => (added ?? 0) + (removed ?? 0) + (changed ?? 0) > 0);
  const names = places(
    kind,
    fields.filter((field) => !lists.includes(field)),
  );
  const plain = names.length ? [`your ${and(names)} ${wasOrWere(names)} saved`] : [];
  return [...plain, ...lists.map((field) => `in your ${placeOf(kind, `/${top(field.pointer)}`)}, ${entries(field)}`)];
}

function merged(connection: Connection, kind: Kind, { merged: fields }: Receipt, others: readonly Row[]): string[] {
  return fields.map((field) => {
    const beside = names(connection, others, field.pointer);
    const place = placeOf(kind, field.pointer);
    const counted = field.added === undefined ? '' : `: ${entries(field)}`;
    return `your ${place} was merged with what ${beside} wrote there${counted}`;
  });
}

function kept(connection: Connection, kind: Kind, { kept: fields }: Receipt, others: readonly Row[]): string[] {
  const groups = new Map<string, Touched[]>();
  for (const field of fields) {
    const by = names(connection, others, field.pointer);
    groups.set(by, [...(groups.get(by) ?? []), field]);
  }
  return [...groups].map(([by, group]) => {
    const named = places(kind, group);
    return `the ${and(named)} that ${by} saved ${wasOrWere(named)} kept`;
  });
}

function lost(
  connection: Connection,
  kind: Kind,
  { pointer, replaced = 0 }: Touched,
  receipt: Receipt,
  rows: readonly Row[],
): Replaced {
  // The version with the replaced value may be a later one than the write of that value.
  const writer =
    rows.find((row) => row.version <= replaced && touches(row, pointer)) ??
    rows.find((row) => row.version === replaced);
  const place = placeOf(kind, pointer);
  const by = who(writer, connection.person);
  const whose = by === 'you' ? 'Your earlier change' : `${capital(by)}’s change`;
  return {
    sentence: `${whose} to the ${place} was replaced by yours.`,
    place,
    pointer,
    version: replaced,
    made: receipt.version,
  };
}

function touches(row: Row, pointer: string): boolean {
  return row.changes.some(({ field }) => top(field) === top(pointer) || field === '');
}

function names(connection: Connection, others: readonly Row[], pointer: string): string {
  const found = others.filter((row) => touches(row, pointer)).map((row) => who(row, connection.person));
  return and([...new Set(found)]) || 'another person';
}

function places(kind: Kind, fields: readonly Touched[]): string[] {
  return [...new Set(fields.map(({ pointer }) => placeOf(kind, pointer)))];
}

function entries({ added = 0, removed = 0, changed = 0 }: Touched): string {
  const words = [
    [added, 'added'],
    [changed, 'changed'],
    [removed, 'removed'],
  ] as const;
  const done = words
    .filter(([number]) => number > 0)
    .map(([number, word], place) => {
      const noun = place ? '' : number === 1 ? ' entry' : ' entries';
      return `${number}${noun} ${place ? '' : number === 1 ? 'was ' : 'were '}${word}`;
    });
  return and(done) || 'the order changed';
}
