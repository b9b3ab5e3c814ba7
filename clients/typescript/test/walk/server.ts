/** A model of the server: records with versions, the merge of an edit on what its author saw, and remembered keys. */

import { equal, fromEntries, isList, isMembers, own, type Json, type Members } from '../../src/json.ts';
import type { Edit } from '../../src/edit.ts';
import type { Entry } from '../../src/outbox/entry.ts';

/** An answer of the server. */
export interface ModelAnswer {
  readonly status: number;
  readonly code: string;
  /** The version after the write, or that of the tombstone. */
  readonly version: number;
  /** The record as it was answered; `null` after a deletion. */
  readonly value: Members | null;
}

/** A write that took effect. */
export interface Applied {
  readonly key: string;
  readonly id: string;
  readonly version: number;
  /** The fields that the write won over a change that its author had not seen. */
  readonly won: readonly string[];
}

interface Stored {
  version: number;
  value: Members | null;
  deletions: number[];
  readonly states: Map<number, Members | null>;
}

/** A text that the model's schema refuses. */
export const REFUSED = 'refused';

export class Server {
  readonly records = new Map<string, Stored>();
  readonly applied: Applied[] = [];
  readonly #claims = new Map<string, ModelAnswer>();

  /** Answers a request. A repeated one is answered as the first. */
  answer(entry: Entry): ModelAnswer {
    const claim = this.#claims.get(entry.key);
    if (claim) return claim;
    const answer = this.#made(entry);
    if (answer.status < 300) this.#claims.set(entry.key, answer);
    return answer;
  }

  /** Forgets a key, as the server does at last. */
  forget(key: string): void {
    this.#claims.delete(key);
  }

  #made(entry: Entry): ModelAnswer {
    const found = this.records.get(entry.id);
    const no = (status: number, code: string): ModelAnswer => ({
      status,
      code,
      version: found?.version ?? 0,
      value: null,
    });
    if (Object.values(entry.set).includes(REFUSED)) return no(400, 'invalid_body');
    if (entry.kind === 'create') {
      if (found?.value) return no(409, 'exists');
      return this.write(entry.key, entry.id, entry.set, []);
    }
    if (!found) return no(404, 'not_found');
    if (!found.value) return no(410, 'gone');
    if (entry.kind === 'delete') {
      if (entry.version !== 0 && entry.version !== found.version) return no(412, 'precondition_failed');
      return this.write(entry.key, entry.id, null, []);
    }
    if (entry.version > found.version) return no(409, 'stale');
    // The author did not know of the deletion.
    if (found.deletions.some((deletion) => entry.version !== 0 && entry.version < deletion)) return no(410, 'gone');
    const { value, won } = mergedEdit(found.value, entry);
    if (equal(value, found.value)) return { status: 200, code: 'unchanged', version: found.version, value };
    return this.write(entry.key, entry.id, value, won);
  }

  /** Writes the next version of a record. */
  write(key: string, id: string, value: Members | null, won: readonly string[]): ModelAnswer {
    const found: Stored = this.records.get(id) ?? { version: 0, value: null, deletions: [], states: new Map() };
    this.records.set(id, found);
    found.version++;
    found.value = value;
    found.states.set(found.version, value);
    if (!value) found.deletions.push(found.version);
    this.applied.push({ key, id, version: found.version, won });
    return { status: value ? 200 : 204, code: 'saved', version: found.version, value };
  }
}

/** Merges an edit on what its author saw. */
function mergedEdit(current: Members, edit: Edit): { value: Members; won: string[] } {
  const won: string[] = [];
  const kept = new Map(Object.entries(current));
  for (const name of edit.remove) {
    if (!equal(own(current, name), own(edit.seen, name))) won.push(name);
    kept.delete(name);
  }
  for (const [name, mine] of Object.entries(edit.set)) {
    const [theirs, seen] = [own(current, name), own(edit.seen, name)];
    if (isList(mine) && isList(theirs)) {
      kept.set(name, mergedList(theirs, isList(seen) ? seen : [], mine));
    } else {
      if (!equal(theirs, seen) && !equal(theirs, mine)) won.push(name);
      kept.set(name, mine);
    }
  }
  return { value: fromEntries(kept), won };
}

const identity = (entry: Json): Json => (isMembers(entry) ? (own(entry, 'id') ?? null) : entry);

function mergedList(theirs: readonly Json[], seen: readonly Json[], mine: readonly Json[]): Json[] {
  const within = (list: readonly Json[], entry: Json): boolean =>
    list.some((other) => equal(identity(other), identity(entry)));
  const kept = theirs.filter((entry) => !within(seen, entry) || within(mine, entry));
  const added = mine.filter((entry) => !within(seen, entry) && !within(kept, entry));
  return [...kept, ...added];
}
