/** A resource whose writes go through the outbox. */

import { copy, put, type Members } from '../json.ts';
import { difference, drafted, isEmpty, nameEntries, type Edit } from '../edit.ts';
import { idempotencyKey, uuid } from '../ids.ts';
import { List } from '../list.ts';
import { Problem } from '../problem.ts';
import { entryKey, idIn, membersOf, type Draft, type Record } from '../record.ts';
import type { Outbox } from '../outbox.ts';
import type { Call, Query, Resource } from '../resource.ts';
import type { Queued as Decision, Wanted } from './decide.ts';
import { entriesOf, isParkedAlong } from './decide.ts';
import type { Entry } from './entry.ts';
import { read, tombstone } from './request.ts';
import { edited, view } from './view.ts';

/** A write that is durable on the device. */
export interface Queued<T> {
  /** `unchanged`: nothing is left to send. */
  readonly result: 'queued' | 'unchanged';
  /** The number of the entry that carries the write. */
  readonly n?: number;
  /** The record as it is now shown; absent if it is deleted. */
  readonly record?: Record<T>;
}

/** The records of one resource, as the author of this device sees them. */
export class OutboxResource<T = Members, New = T> {
  /** The same resource without the outbox. */
  readonly online: Resource<T, New>;
  readonly #outbox: Outbox;

  constructor(outbox: Outbox, online: Resource<T, New>) {
    this.#outbox = outbox;
    this.online = online;
  }

  /** Reads a record, with the own writes that wait. Without a network, returns what the device knows. */
  async get(id: string, call: Call = {}): Promise<Record<T>> {
    const { resource } = this.online.shape;
    try {
      await this.learn(await this.online.get(id, call));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 410 && error.version !== undefined) {
        await this.#outbox.learn([tombstone({ resource, id }, error.version)]);
      }
      const shown = this.view(id);
      // A creation that waits is not on the server yet.
      const device = error.status === 0 || error.status >= 500 || (error.status === 404 && shown?.version === 0);
      if (!shown || (!device && error.status !== 410)) throw error;
      return shown;
    }
    const shown = this.view(id);
    if (!shown) throw new Problem(410, 'gone', `the deletion of ${id} waits`);
    return shown;
  }

  /** Returns a record as the device shows it. Returns `undefined` if it does not know it. */
  view(id: string): Record<T> | undefined {
    return this.#outbox.shown<T>(this.online.shape, id);
  }

  /** Returns all records on this device, by id. */
  records(): Record<T>[] {
    return this.#outbox.ids(this.online.shape.resource).flatMap((id) => this.view(id) ?? []);
  }

  /** Lists records of the server, with the own writes that wait. The server chooses and orders without these. */
  list(query: Query = {}): List<Record<T>> {
    return this.online.list(query).map((record) => this.#over(record));
  }

  /** Keeps a record that was read in another way, such as with a change. */
  async learn(record: Record<T>): Promise<void> {
    if (!record.partial) await this.#outbox.learn([read(this.online.shape.resource, record)]);
  }

  /** Queues a creation. The client makes the id. */
  async create(value: New, { id }: { readonly id?: string } = {}): Promise<Queued<T>> {
    const members = copy(value) as Members;
    const { shape } = this.online;
    const given = id ?? idIn(shape, members) ?? undefined;
    const own = given === undefined;
    const chosen = String(given ?? uuid());
    if (id ?? own) put(members, shape.key, chosen);
    const edit = this.#named({ seen: {}, set: members, remove: [] });
    return this.#queue({ ...this.#wanted(chosen, 'create', edit), own_id: own, path: shape.resource });
  }

  /** Queues an edit of a record as it was shown to the author. */
  async edit(record: Record<T>, change: (draft: Draft<T>) => unknown): Promise<Queued<T>> {
    const edit = difference(membersOf(record), await drafted(record.value as Draft<T>, change));
    if (isEmpty(edit)) return { result: 'unchanged', record };
    return this.#queue(this.#wanted(record.id, 'edit', this.#named(edit), record));
  }

  /** Queues the deletion of a record in the version that was shown to the author. */
  async delete(record: Record<T>): Promise<Queued<T>> {
    return this.#queue(this.#wanted(record.id, 'delete', NOTHING, record));
  }

  /** Queues a restoration: an earlier version becomes the newest, merged with what changed since the shown one. */
  async restore(record: Record<T>, version: number): Promise<Queued<T>> {
    const path = this.online.path(record.id, version);
    return this.#queue({ ...this.#wanted(record.id, 'restore', NOTHING, record), path });
  }

  /**
   * Queues a parked write again, as a new write on what the author is shown now. `change` corrects an edit or a
   * creation first. `base`: the record as the author was shown it, if that is not what `view` returns now.
   * Throws a `Problem` if the entry is not parked.
   */
  async resend(n: number, change?: (draft: Draft<T>) => unknown, base?: Record<T>): Promise<Queued<T>> {
    const entries = this.#outbox.entries();
    const entry = entries.find((other) => other.n === n && other.resource === this.online.shape.resource);
    if (entry?.state !== 'parked') throw new Problem(0, 'not_parked', `entry ${n} is not parked`);
    const { id, kind } = entry;
    const record = this.view(id);
    const shown = base ?? record;
    if (kind === 'create') {
      const { value } = view(undefined, [entry, ...entriesOf({ entries }, entry).filter(isParkedAlong)]);
      const members = await drafted((value ?? entry.set) as Draft<T>, change);
      // Without the mark of an own id: an earlier request may have made a record of it with another text.
      const edit = this.#named({ seen: {}, set: members, remove: [] });
      return this.#queue({ ...this.#wanted(id, 'create', edit), path: entry.path }, n);
    }
    if (kind !== 'edit') {
      // It has no text. What its author wants to save is an edit.
      if (change) throw new TypeError(`entry ${n} is no edit`);
      return this.#queue({ ...this.#wanted(id, kind, NOTHING, shown), path: entry.path }, n);
    }
    const before = shown ? membersOf(shown) : {};
    const edit = difference(before, await drafted(edited(before, entry) as Draft<T>, change));
    if (!isEmpty(edit)) return this.#queue(this.#wanted(id, 'edit', this.#named(edit), shown), n);
    await this.#outbox.drop(n); // the record already shows it
    return { result: 'unchanged', ...(record && { record }) };
  }

  async #queue(wanted: Wanted, parked?: number): Promise<Queued<T>> {
    const { entry }: Decision = await this.#outbox.enqueue(wanted, parked);
    const record = this.view(wanted.id);
    return { result: entry ? 'queued' : 'unchanged', ...(entry && { n: entry.n }), ...(record && { record }) };
  }

  /** `shown`: the record on the author's screen. */
  #wanted(id: string, kind: Entry['kind'], edit: Edit, shown?: Record<T>): Wanted {
    const { author } = this.#outbox.client;
    const { seen, set, remove } = edit;
    const { resource, names } = this.online.shape;
    return {
      resource,
      as: names.version,
      id,
      kind,
      seen,
      set,
      remove,
      version: shown?.version ?? 0,
      pending: shown?.pending ?? 0,
      key: idempotencyKey(),
      path: this.online.path(id),
      account: this.#outbox.account,
      author: author ? [author.name, author.id].flatMap((one) => one ?? []) : null,
      made_at: Date.now(),
    };
  }

  /** Gives ids to new entries of lists, so that the next edit knows them. */
  #named(edit: Edit): Edit {
    return nameEntries(edit, (pointer) => entryKey(this.online.shape, pointer));
  }

  /** Shows a record of a list, if the device does not know a newer state. */
  #over(record: Record<T>): Record<T> {
    return this.#outbox.over(read(this.online.shape.resource, record), record);
  }
}

const NOTHING: Edit = { seen: {}, set: {}, remove: [] };
