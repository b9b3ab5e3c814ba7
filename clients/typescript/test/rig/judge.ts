/** The judge: compares each record and its whole history with what every client was told. */

import type { Client, Members, Version } from '../../src/index.ts';
import { Problem } from '../../src/index.ts';
import type { Edit, Left, Line } from './journal.ts';

/** What is wrong. */
export interface Findings {
  /** Durable edits of which the server has nothing, and that are not parked. */
  readonly lost: string[];
  /** Edits that took effect more than once, or again after they were undone. */
  readonly doubled: string[];
  /** Refusals that are not parked with their text, and parked edits that took effect all the same. */
  readonly misplaced: string[];
  /** Edits of one client that took effect in another order. */
  readonly disordered: string[];
  /** Receipts that name a version which the client did not make. */
  readonly untrue: string[];
}

/** What the judge found, in how much. */
export interface Verdict extends Findings {
  readonly edits: number;
  readonly records: number;
  readonly versions: number;
  readonly parked: number;
}

type Row = Version & { readonly updated_author?: { readonly id?: string } };

/** A record as the judge reads it: its last state, and everything that was ever written. */
interface Evidence {
  readonly tags: readonly string[];
  readonly steps: readonly { readonly id: string; readonly text: string }[];
  /** Every goal, in order. */
  readonly goals: readonly unknown[];
  /** How many times each tag was added. */
  readonly added: ReadonlyMap<string, number>;
  readonly rows: readonly Row[];
}

/** What one client did with one record. */
interface Work {
  readonly client: string;
  readonly edits: readonly (Edit & Told)[];
  readonly receipts: readonly Extract<Line, { t: 'receipt' }>[];
  readonly left: readonly Left[];
}

/** What the client said of an edit: `known` if it said anything. */
interface Told {
  readonly known: boolean;
  readonly n: number | undefined;
}

/** Judges the journals of all clients, by name. */
export async function judge(client: Client, journals: ReadonlyMap<string, readonly Line[]>): Promise<Verdict> {
  const verdict: Findings = { lost: [], doubled: [], misplaced: [], disordered: [], untrue: [] };
  const works = new Map<string, Work[]>();
  let [edits, versions, parked] = [0, 0, 0];
  for (const [name, lines] of journals)
    for (const [id, work] of worksOf(name, lines)) {
      works.set(id, [...(works.get(id) ?? []), work]);
      edits += work.edits.length;
      parked += work.left.length;
    }
  for (const [id, all] of works) {
    const evidence = await read(client, id);
    versions += evidence?.rows.length ?? 0;
    for (const work of all) judgeWork(verdict, id, work, evidence ?? NOTHING);
  }
  return { ...verdict, edits, records: works.size, versions, parked };
}

const NOTHING: Evidence = { tags: [], steps: [], goals: [], added: new Map(), rows: [] };

function worksOf(client: string, lines: readonly Line[]): Map<string, Work> {
  const told = new Map(lines.flatMap((line) => (line.t === 'queued' ? [[line.edit, line.n] as const] : [])));
  const left = byId(lines.filter((line) => line.t === 'left').at(-1)?.entries ?? []);
  const begun = byId(lines.filter((line) => line.t === 'begin'));
  const receipts = byId(lines.filter((line) => line.t === 'receipt'));
  return new Map(
    [...begun].map(([id, edits]) => [
      id,
      {
        client,
        edits: edits.map((edit) => ({ ...edit, known: told.has(edit.edit), n: told.get(edit.edit) })),
        receipts: receipts.get(id) ?? [],
        left: left.get(id) ?? [],
      },
    ]),
  );
}

function byId<T extends { readonly id: string }>(all: readonly T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const same = found.get(one.id);
    if (same) same.push(one);
    else found.set(one.id, [one]);
  }
  return found;
}

/** Reads a record and all its history. Returns `undefined` if it was never made. */
async function read(client: Client, id: string): Promise<Evidence | undefined> {
  const resource = client.resource('prj');
  let value: Members | undefined;
  try {
    value = (await resource.get(id)).value;
  } catch (error) {
    if (!(error instanceof Problem) || ![404, 410].includes(error.status)) throw error;
    if (error.status === 404) return undefined;
  }
  const rows = (await resource.versions(id, { limit: 100 }).all(100_000)) as Row[];
  const changes = rows.flatMap((row) => row.changes ?? []);
  // A deletion has the last state.
  const last = (name: string): unknown =>
    value ? value[name] : changes.find(({ field }) => field === `/${name}`)?.replaced;
  const goals = changes
    .filter(({ field, replaced }) => field === '/goal' && replaced !== undefined)
    .map(({ replaced }) => replaced);
  const added = new Map<string, number>();
  for (const { field, entry, removed } of changes)
    if (field === '/tags' && entry !== undefined && !removed)
      added.set(String(entry), (added.get(String(entry)) ?? 0) + 1);
  return {
    tags: last('tags') as string[],
    steps: last('steps') as { id: string; text: string }[],
    goals: value ? [...goals.reverse(), value.goal] : goals.reverse(),
    added,
    rows,
  };
}

function judgeWork(verdict: Findings, id: string, work: Work, evidence: Evidence): void {
  const { client, edits, left } = work;
  const parked = new Set(left.map(({ n }) => n));
  const places: number[] = [];
  for (const edit of edits) {
    const { goal, tag, step, untag, known, n, bad } = edit;
    const name = `${client}.${edit.edit} in ${id}`;
    const isParked = n !== undefined && parked.has(n);
    /** Tells what is wrong with the number of times that a part of the edit took effect. */
    const times = (what: string, count: number, must: boolean): void => {
      if (count > 1) verdict.doubled.push(`${name}: ${what} took effect ${count} times`);
      else if (isParked && count) verdict.misplaced.push(`${name}: ${what} took effect and is parked`);
      else if (must && known && !isParked && !count) verdict.lost.push(`${name}: ${what}`);
    };
    // A later goal in the same entry, or one that may be in it, takes the place of this one.
    const replaced = edits.some(
      (other) => other.edit > edit.edit && (other.goal !== undefined || other.bad) && (!other.known || other.n === n),
    );
    if (goal !== undefined) {
      times('the goal', evidence.goals.filter((other) => other === goal).length, !bad && !replaced);
      if (evidence.goals.includes(goal)) places.push(evidence.goals.indexOf(goal));
    }
    if (step !== undefined) times('the step', evidence.steps.filter(({ text }) => text === step).length, true);
    if (tag !== undefined) {
      const there = evidence.tags.filter((other) => other === tag).length;
      const undone = edits.find((other) => other.untag === tag);
      const isUndone = undone !== undefined && !(undone.n !== undefined && parked.has(undone.n));
      times('the tag', there, !isUndone);
      if (isUndone && undone.known && there && !isParked)
        verdict.doubled.push(`${name}: the tag is back, which edit ${undone.edit} removed`);
      if ((evidence.added.get(tag) ?? 0) > 1) verdict.doubled.push(`${name}: the tag was added again`);
    }
    if (untag !== undefined && known && !isParked && evidence.tags.includes(untag))
      verdict.lost.push(`${name}: the removal of ${untag}`);
    if (bad && known && !isParked && !replaced)
      verdict.misplaced.push(`${name}: the refusal is not parked`);
  }
  if (places.some((place, index) => index > 0 && place < (places[index - 1] ?? 0)))
    verdict.disordered.push(`the goals of ${client} in ${id}`);
  for (const { n, code, text } of left)
    if (!['invalid_body', 'gone', 'deleted', 'creation_parked'].includes(code) || text === '{}')
      verdict.misplaced.push(`entry ${n} of ${client} is parked for ${code}`);
  judgeReceipts(verdict, id, work, evidence);
}

/** Checks that each receipt names a version of its client, and that the client made no other. */
function judgeReceipts(verdict: Findings, id: string, work: Work, evidence: Evidence): void {
  const { client, edits, receipts, left } = work;
  const own = evidence.rows.filter(({ updated_author: author }) => author?.id === client);
  const saved = receipts.filter(({ result }) => result !== 'unchanged');
  const told = new Set(saved.map(({ version }) => version));
  if (told.size < saved.length) verdict.untrue.push(`two receipts of ${client} for ${id} name one version`);
  for (const version of told)
    if (!own.some((row) => row.version === version))
      verdict.untrue.push(`version ${version} of ${id}, told to ${client}`);
  const sent = new Set([...edits, ...receipts].flatMap(({ n }) => n ?? []));
  for (const { n } of left) sent.delete(n);
  const unknown = edits.filter(({ known }) => !known).length;
  if (own.length > sent.size + unknown)
    verdict.doubled.push(`${client} made ${own.length} versions of ${id} with ${sent.size} entries`);
}
