/**
 * The decisions of the outbox, without I/O. Each one takes the state as the store holds it, and returns a step: the
 * changes that must be committed together. The store refuses a step if its state has changed meanwhile. Then the state
 * is read and the decision is made again.
 */

import { changed, difference, isEmpty, replaced, type Edit } from '../edit.ts';
import { equal, own, type Json } from '../json.ts';
import type { Receipt } from '../receipt.ts';
import { FORMAT, frozen, nameOf, unsent, type Entry, type Known, type Refusal } from './entry.ts';

/** The outbox as stored: the entries of this account by number, and the known records by name. */
export interface State {
  /** Grows with each step. */
  readonly revision: number;
  /** The number of the next entry. */
  readonly next: number;
  readonly entries: readonly Entry[];
  readonly records: ReadonlyMap<string, Known>;
  /** The session token of the last own write. */
  readonly session: string | null;
}

/** Changes that are committed together. */
export interface Step {
  readonly put?: readonly Entry[];
  readonly remove?: readonly number[];
  readonly records?: readonly Known[];
  /** The names of records that are no longer kept. */
  readonly forget?: readonly string[];
  readonly session?: string;
  /** Whether the entries in `put` include a new one. */
  readonly adds?: boolean;
}

/** A write that an author wants. */
export interface Wanted extends Edit {
  readonly resource: string;
  readonly id: string;
  /** Whether the client made the id at random, for this creation. */
  readonly own_id?: boolean;
  readonly kind: Entry['kind'];
  /** The version on the author's screen. 0: the screen showed an own creation. */
  readonly version: number;
  /** The number of own writes that the screen showed beside that version. */
  readonly pending: number;
  readonly key: string;
  readonly as?: string;
  readonly path: string;
  readonly account: string;
  readonly author: readonly string[] | null;
  readonly made_at: number;
}

/** What becomes of a wanted write. */
export interface Queued {
  readonly step: Step;
  /** The entry that carries the write; absent if nothing is left to send. */
  readonly entry?: Entry;
}

/** The time for which the server remembers an Idempotency-Key, less a day, in milliseconds. */
export const CLAIM = 89 * 24 * 60 * 60 * 1000;
/** The most requests at one time. */
export const IN_FLIGHT = 4;

/** Returns the state after a step. */
export function apply(state: State, step: Step): State {
  const gone = new Set([...(step.remove ?? []), ...(step.put ?? []).map(({ n }) => n)]);
  const entries = [...state.entries.filter(({ n }) => !gone.has(n)), ...(step.put ?? [])];
  const records = new Map(state.records);
  for (const name of step.forget ?? []) records.delete(name);
  for (const known of step.records ?? []) records.set(nameOf(known), known);
  return {
    revision: state.revision + 1,
    next: step.adds ? Math.max(state.next, ...entries.map(({ n }) => n + 1)) : state.next,
    entries: entries.sort((one, other) => one.n - other.n),
    records,
    session: step.session ?? state.session,
  };
}

/** Returns the entries of one record, in order. */
export function entriesOf(
  state: Pick<State, 'entries'>,
  record: { readonly resource: string; readonly id: string },
): Entry[] {
  return state.entries.filter(({ resource, id }) => resource === record.resource && id === record.id);
}

/** Queues a write: folds it into the last entry of its record, or appends an entry. */
export function enqueue(state: State, wanted: Wanted): Queued {
  // A commit that the platform reported as failed may have been made all the same.
  const made = state.entries.find(({ key }) => key === wanted.key);
  if (made) return { step: {}, entry: made };
  const all = entriesOf(state, wanted);
  const last = all.at(-1);
  const creation = all.find(({ kind }) => kind === 'create');
  const parked = creation?.state === 'parked';
  const lost = parked && creation.problem?.outcome === 'not_made';
  if (wanted.kind === 'delete' && creation && (lost || unsent(creation))) {
    return { step: { remove: all.map(({ n }) => n) } };
  }
  if (wanted.kind === 'edit' && last && foldable(last, wanted)) {
    const entry = fold(last, wanted);
    if (last.kind === 'edit' && isEmpty(entry)) return { step: { remove: [last.n] } };
    return { step: { put: [entry] }, entry };
  }
  const raised = wanted.pending > 0 && wanted.kind !== 'restore';
  const receipt = raised ? (state.records.get(nameOf(wanted))?.receipt ?? 0) : 0;
  const { pending: _, version, ...rest } = wanted;
  const entry: Entry = {
    ...rest,
    format: FORMAT,
    n: state.next,
    rev: 1,
    state: parked ? 'parked' : 'queued',
    version: later(version, receipt),
    bytes: null,
    sends: 0,
    unknown: 0,
    sent_after: null,
    problem: parked ? PARKED_ALONG : null,
  };
  return { step: { put: [entry], adds: true }, entry };
}

/** Reports whether an edit can become part of an entry: the entry was never sent, and the author saw what it sets. */
export function foldable(old: Entry, wanted: Wanted): boolean {
  const same = old.account === wanted.account && equal(old.author as Json, wanted.author as Json);
  if (!unsent(old) || (old.kind !== 'edit' && old.kind !== 'create') || !same) return false;
  const both = changed(wanted).filter((name) => old.kind === 'create' || changed(old).includes(name));
  return both.every((name) => equal(own(old.set, name), own(wanted.seen, name)));
}

/** Returns the entry with the edit in it. A member that is again as seen falls out. */
export function fold(old: Entry, wanted: Wanted): Entry {
  const seen = old.kind === 'create' ? {} : replaced(wanted.seen, changed(old), old.seen);
  const edit = difference(seen, replaced(old.set, changed(wanted), wanted.set));
  return revised(old, { ...edit, version: old.kind === 'create' ? 0 : later(old.version, wanted.version) });
}

/**
 * Returns the numbers of the entries that can be sent now: of each record the first, unless one of the record is on its
 * way. An entry that rests keeps its place, so what follows it waits too.
 */
export function sendable(
  state: State,
  inFlight: ReadonlySet<number>,
  resting: ReadonlySet<number> = new Set(),
): number[] {
  const taken = new Set(state.entries.filter(({ n }) => inFlight.has(n)).map(nameOf));
  const found: number[] = [];
  for (const entry of state.entries) {
    if (found.length + inFlight.size >= IN_FLIGHT) break;
    if (entry.state === 'parked' || taken.has(nameOf(entry))) continue;
    taken.add(nameOf(entry));
    if (!resting.has(entry.n)) found.push(entry.n);
  }
  return found;
}

/**
 * Fixes the bytes of an entry before its request leaves. `date` is the newest time that the server has told. It is
 * absent only if the server tells none.
 */
export function freeze(state: State, n: number, date: number | undefined): Step | undefined {
  const entry = find(state, n);
  if (!entry || entry.state === 'parked') return undefined;
  return change(entry, {
    state: 'sending',
    bytes: frozen(entry),
    sends: entry.sends + 1,
    unknown: entry.unknown + (entry.state === 'sending' ? 1 : 0),
    sent_after: entry.sent_after ?? date ?? null,
  });
}

/**
 * Reports whether the server may have forgotten the key of an entry that was sent, so that it must not go again. The
 * sender asks for the time first. A server that tells none is not known to have forgotten anything.
 */
export function tooOld(entry: Entry, date: number | undefined): boolean {
  return (date ?? 0) - (entry.sent_after ?? Infinity) > CLAIM;
}

/** Marks an entry whose request got no answer. */
export function doubt(state: State, n: number): Step | undefined {
  const entry = find(state, n);
  if (entry?.state !== 'sending') return undefined;
  return change(entry, { state: 'uncertain', unknown: entry.unknown + 1 });
}

/** Marks an entry whose request was refused for the time being. Its bytes stay: a copy may still be on its way. */
export function postpone(state: State, n: number): Step | undefined {
  const entry = find(state, n);
  if (entry?.state !== 'sending') return undefined;
  return change(entry, { state: entry.unknown ? 'uncertain' : 'queued' });
}

/** Marks every entry that an earlier run was sending. */
export function recover(state: State): Step | undefined {
  const put = state.entries.flatMap(({ n }) => doubt(state, n)?.put ?? []);
  return put.length ? { put } : undefined;
}

/** Removes an entry that was made, and keeps the server's answer. Returns `undefined` if the entry is not there. */
export function acknowledge(
  state: State,
  n: number,
  receipt: Pick<Receipt, 'version'>,
  answer: Known | undefined,
  session: string | undefined,
): Step | undefined {
  const entry = find(state, n);
  if (!entry) return undefined;
  const followers = entriesOf(state, entry).filter((other) => other.n > n && unsent(other));
  // An edit says itself what its author saw. A restoration says it with its version, and others may have saved between
  // that one and the receipt's. Only a deletion is certain to be the next version.
  const raised = followers.filter(({ kind }) => (kind === 'restore' ? entry.kind === 'delete' : kind !== 'create'));
  const advanced = raised.map((other) => revised(other, { version: later(other.version, receipt.version) }));
  const known = state.records.get(nameOf(entry));
  const newer = answer && replaces(answer, known) ? answer : known;
  return {
    remove: [n],
    put: advanced,
    ...(newer && { records: [{ ...newer, receipt: later(known?.receipt ?? 0, receipt.version) }] }),
    ...(session !== undefined && { session }),
  };
}

/** Parks an entry that the server refused. After a creation, what follows it is parked too. */
export function park(state: State, n: number, problem: Refusal): Step | undefined {
  const entry = find(state, n);
  if (!entry || entry.state === 'parked') return undefined;
  const followers = entriesOf(state, entry).filter((other) => other.n > n && other.state !== 'parked');
  const along = entry.kind === 'create' ? followers : [];
  const outcome = entry.unknown ? 'unknown' : problem.outcome;
  const put = [
    revised(entry, { state: 'parked', problem: { ...problem, outcome } }),
    ...along.map((other) => revised(other, { state: 'parked', problem: PARKED_ALONG })),
  ];
  return { put };
}

/** Removes a parked entry, because the author no longer wants it. */
export function drop(state: State, n: number): Step | undefined {
  const entry = find(state, n);
  return entry?.state === 'parked' ? { remove: [n] } : undefined;
}

/** Replaces a parked entry, and what was parked along with it, with a new one. */
export function replace(state: State, n: number, wanted: Wanted): Queued | undefined {
  const entry = find(state, n);
  if (entry?.state !== 'parked') return undefined;
  const gone = [entry, ...(entry.kind === 'create' ? entriesOf(state, entry).filter(isParkedAlong) : [])];
  const removed = gone.map((other) => other.n);
  const { step, entry: queued } = enqueue(apply(state, { remove: removed }), wanted);
  return { step: { ...step, remove: [...removed, ...(step.remove ?? [])] }, ...(queued && { entry: queued }) };
}

/** Keeps states of the server that are newer than the known ones. */
export function learn(state: State, found: readonly Known[]): Step | undefined {
  const newer = found.filter((known) => replaces(known, state.records.get(nameOf(known))));
  const records = newer.map((known) => ({ ...known, receipt: state.records.get(nameOf(known))?.receipt ?? 0 }));
  return records.length ? { records } : undefined;
}

/** Forgets the known states of records without entries. They can be read again. */
export function forget(state: State): Step | undefined {
  const used = new Set(state.entries.map(nameOf));
  const names = [...state.records.keys()].filter((name) => !used.has(name));
  return names.length ? { forget: names } : undefined;
}

/** Reports whether a state replaces the known one. A number below zero has no place in the order of versions. */
function replaces(found: Known, known: Known | undefined): boolean {
  return !known || found.version < 0 || known.version < 0 || found.version > known.version;
}

/** Returns the entry with a number. */
export function find(state: State, n: number): Entry | undefined {
  return state.entries.find((entry) => entry.n === n);
}

export function isParkedAlong(entry: Entry): boolean {
  return entry.problem?.code === PARKED_ALONG.code;
}

const PARKED_ALONG: Refusal = {
  status: 0,
  code: 'creation_parked',
  detail: 'its creation was refused',
  fields: {},
  outcome: 'not_made',
};

/** Returns the higher of two versions. 0 stands for none. */
function later(one: number, other: number): number {
  return one === 0 ? other : other === 0 ? one : Math.max(one, other);
}

function change(entry: Entry, members: Partial<Entry>): Step {
  return { put: [revised(entry, members)] };
}

function revised(entry: Entry, members: Partial<Entry>): Entry {
  return { ...entry, ...members, rev: entry.rev + 1 };
}
