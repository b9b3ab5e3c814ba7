/** Receipts in words. */

import type { Receipt, Touched } from '../../../clients/typescript/src/receipt.ts';
import { shape } from '../../../clients/typescript/src/record.ts';
import type { Connection, Person, Written } from '../connection.ts';
import type { Kind } from '../kinds.ts';
import { isBy, placeOf, rowsOf, stateOf, tokens, top, who, type Row } from './rows.ts';
import { and, capital, sentence, wasOrWere } from './text.ts';
import { writesOf } from './writes.ts';

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
  const history = await historyOf(connection, kind, written, receipt);
  const clauses: string[] = [];
  if (receipt.result === 'restored')
    clauses.push(`the ${noun} is back as it was in version ${written.restores ?? ''}`.trim());
  else clauses.push(...taken(kind, receipt), ...merged(kind, receipt, history));
  clauses.push(...kept(kind, receipt, history));
  const replaced = receipt.won.map((touched) => lost(kind, touched, receipt, history));
  if (!clauses.length && !replaced.length) clauses.push(`nothing changed: the ${noun} already was as you saved it`);
  if (receipt.baseMissing)
    clauses.push('the history no longer has the state that you began with, so nothing was removed');
  if (receipt.omitted) clauses.push('the history has more');
  return { sentence: clauses.length ? sentence(clauses) : '', replaced };
}

function only(clause: string): Story {
  return { sentence: sentence([clause]), replaced: [] };
}

/** What the history knows of the writes beside a write. */
interface History {
  readonly rows: readonly Row[];
  /** The versions on which the write was made, and which it made. */
  readonly base: number;
  readonly version: number;
  readonly person: Person;
  /** Returns the writes that changed a place, newest first. */
  readonly of: (pointer: string) => readonly Row[];
}

/** Reads the history, if others wrote beside a write. */
async function historyOf(connection: Connection, kind: Kind, { id }: Written, receipt: Receipt): Promise<History> {
  const { version, won, merged, kept } = receipt;
  const { person } = connection;
  const asked = [...won, ...merged, ...kept].map(({ pointer }) => tokens(pointer).length);
  const [rows, made] = await Promise.all([
    asked.length ? rowsOf(connection, kind, id) : [],
    // The history tells all of a member, but not which of its inner places a write changed.
    asked.some((length) => length > 1) ? stateOf(connection, kind, id, version) : undefined,
  ]);
  const until = rows.filter((row) => row.version <= version);
  const names = shape(kind.resource, kind.options);
  const of = (pointer: string): readonly Row[] => writesOf(until, pointer, made, names);
  return { rows, base: baseOf(receipt, until), version, person, of };
}

/** Returns the version on which a write was made. `rows`: the writes up to it, newest first. */
function baseOf({ base = 0, version }: Receipt, rows: readonly Row[]): number {
  if (base >= 0) return base;
  // The state of another program got its version later: at the latest from this write, just before its own.
  return rows.find((row) => row.external && row.version < version)?.version ?? version - 1;
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

function merged(kind: Kind, { merged: fields }: Receipt, history: History): string[] {
  return fields.map((field) => {
    const beside = names(history, field.pointer);
    const place = placeOf(kind, field.pointer);
    const counted = field.added === undefined ? '' : `: ${entries(field)}`;
    return `your ${place} was merged with what ${beside} wrote there${counted}`;
  });
}

function kept(kind: Kind, { kept: fields }: Receipt, history: History): string[] {
  const groups = new Map<string, Touched[]>();
  for (const field of fields) {
    const by = names(history, field.pointer);
    groups.set(by, [...(groups.get(by) ?? []), field]);
  }
  return [...groups].map(([by, group]) => {
    const named = places(kind, group);
    return `the ${and(named)} that ${by} saved ${wasOrWere(named)} kept`;
  });
}

function lost(kind: Kind, { pointer, replaced = 0 }: Touched, receipt: Receipt, history: History): Replaced {
  // The version with the replaced value may be a later one than the write of that value.
  const writer =
    history.of(pointer).find((row) => row.version <= replaced) ??
    history.rows.find((row) => row.version === replaced);
  const place = placeOf(kind, pointer);
  const by = who(writer, history.person);
  const whose = by === 'you' ? 'Your earlier change' : `${capital(by)}’s change`;
  return {
    sentence: `${whose} to the ${place} was replaced by yours.`,
    place,
    pointer,
    version: replaced,
    made: receipt.version,
  };
}

/** Returns the names of the others who wrote a place between the base of a write and the write. */
function names({ base, version, person, of }: History, pointer: string): string {
  const others = of(pointer).filter((row) => row.version < version && row.version > base && !isBy(row, person));
  return and([...new Set(others.map((row) => who(row, person)))]) || 'another person';
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
