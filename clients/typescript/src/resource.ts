/** A resource: its records, their history and their changes. */

import { Changes, type ChangesOptions } from './changes.ts';
import { body, difference, drafted, isEmpty } from './edit.ts';
import { idempotencyKey, uuid } from './ids.ts';
import { put, copy, write, type Json, type Members } from './json.ts';
import { List, type Page } from './list.ts';
import { Problem } from './problem.ts';
import type { Receipt } from './receipt.ts';
import {
  idIn,
  membersOf,
  pathOf,
  toRecord,
  type Deleted,
  type Draft,
  type Record,
  type Saved,
  type Shape,
  type Author,
} from './record.ts';
import type { Answer, Request, Transport } from './transport.ts';

/** A value that a condition compares with. */
export type Operand = string | number | boolean | bigint;

/** Conditions on a member, by the names of their operators. */
export type Conditions = {
  readonly [operator in 'eq' | 'not' | 'gt' | 'gte' | 'lt' | 'lte' | 'prefix']?: Operand;
} & { readonly in?: readonly Operand[]; readonly exists?: boolean };

/** Which records a list has. */
export interface Selection {
  /** Words that must all occur in a record. */
  readonly q?: string;
  /** Values that members equal or contain, or conditions on them. A name that begins with `/` is a JSON Pointer. */
  readonly where?: { readonly [name: string]: Operand | Conditions };
  /** Whether the records are those that were deleted and can be restored. */
  readonly deleted?: boolean;
  readonly signal?: AbortSignal;
}

/** What a list is to show. */
export interface Query extends Selection {
  /** Names of members, with `-` before one for descending. */
  readonly sort?: string | readonly string[];
  /** The members to return. The id and the version are always returned. */
  readonly fields?: readonly string[];
  /** The most records of one page. */
  readonly limit?: number;
  /** Whether each page tells the number of all matching records. */
  readonly count?: boolean;
}

/** Options of any call. */
export interface Call {
  readonly signal?: AbortSignal;
}

/** Options of a write. */
export interface Write extends Call {
  /** The Idempotency-Key, if the caller keeps it for a repetition in a later run. */
  readonly key?: string;
}

/** A write in the history of a record. */
export interface Version {
  readonly version: number;
  readonly updated_at?: number;
  readonly updated_by?: string;
  readonly base?: number;
  readonly deleted?: boolean;
  readonly external?: boolean;
  readonly changes?: readonly {
    readonly field: string;
    readonly entry?: Json;
    readonly replaced?: Json;
    readonly removed?: boolean;
  }[];
}

/** The media type of an edit with the values that its author saw. */
export const EDIT = 'application/vnd.ripple.edit+json';

/** The records of one resource. `New`: what a creation takes, if that differs. */
export class Resource<T = Members, New = T> {
  declare readonly shape: Shape;
  declare readonly transport: Transport;
  /** The header `Ripple-Author` of writes. */
  declare readonly author: string | undefined;

  constructor(shape: Shape, transport: Transport, author: Author | undefined) {
    this.shape = shape;
    this.transport = transport;
    this.author = author && authorHeader(author);
  }

  /** Reads a record. Throws a `Problem` with status 404 or 410 if there is none. */
  async get(id: string, { signal }: Call = {}): Promise<Record<T>> {
    return this.#get(this.path(id), signal);
  }

  /** Lists records. */
  list(query: Query = {}): List<Record<T>> {
    const { q, sort, fields, limit, where = {}, count, deleted, signal } = query;
    const { names } = this.shape;
    const parameters = new URLSearchParams();
    const set = (name: string, value: unknown): void => {
      if (value !== undefined) parameters.set(name, String(value));
    };
    set('q', q);
    set('sort', sort);
    set('fields', fields && [...new Set([...fields, names.version])]);
    set('limit', limit);
    set('count', count);
    set(names.deleted, deleted);
    for (const [name, value] of Object.entries(where))
      if (typeof value === 'object')
        for (const [operator, operand] of Object.entries(value)) set(`${name}[${operator}]`, text(operand));
      else set(name, value);
    const path = this.shape.resource + (parameters.size ? `?${parameters}` : '');
    return new List(this.transport, path, signal, (entry) => {
      const record = toRecord<T>(this.shape, entry);
      return fields === undefined ? record : Object.freeze({ ...record, partial: true });
    });
  }

  /** Returns the number of matching records. An earlier ripple does not tell it: `NaN`. */
  async count(selection: Selection = {}): Promise<number> {
    const { value } = await this.list({ ...selection, fields: [], limit: 1, count: true }).pages().next();
    return (value as Page<unknown>).count ?? NaN; // there is a first page
  }

  /** Creates a record. The client makes the id, so a repeated request cannot make two. */
  async create(value: New, { id, key, signal }: Write & { readonly id?: string } = {}): Promise<Saved<T>> {
    const members = copy(value) as Members;
    const given = id ?? idIn(this.shape, members) ?? undefined;
    const chosen = String(given ?? uuid());
    if (id ?? given === undefined) put(members, this.shape.key, chosen);
    const request = this.write('POST', this.shape.resource, write(members), key);
    try {
      return this.#saved(await this.transport.send(request, signal));
    } catch (error) {
      // The id was made here and an earlier try had no answer. So that try made the record.
      const made =
        error instanceof Problem && error.code === 'exists' && error.outcome === 'unknown' && given === undefined;
      if (!made) throw error;
      const record = await this.get(chosen, signal && { signal });
      return { record, receipt: receiptOf('created', record.version) };
    }
  }

  /** Changes a record as the author saw it. Sends only what differs, with what the author saw. */
  async edit(record: Record<T>, change: (draft: Draft<T>) => unknown, { key, signal }: Write = {}): Promise<Saved<T>> {
    const edit = difference(membersOf(record), await drafted(record.value as Draft<T>, change));
    if (isEmpty(edit)) return { record, receipt: receiptOf('unchanged', record.version) };
    const request = this.write('PATCH', this.path(record.id), body(edit, record.version, this.shape.names.version), key, EDIT);
    return this.#saved(await this.transport.send(request, signal));
  }

  /** Deletes a record in the version that the author saw, or, of an id, in any version. */
  async delete(record: Record<T> | string, { key, signal }: Write = {}): Promise<Deleted> {
    const id = typeof record === 'string' ? record : record.id;
    const base = typeof record === 'string' ? undefined : write({ [this.shape.names.version]: record.version });
    try {
      const answer = await this.transport.send(this.write('DELETE', this.path(id), base, key), signal);
      return { receipt: answer.receipt as Receipt }; // every answer to a write has one
    } catch (error) {
      // An earlier try had no answer. The record is gone, as the caller wanted.
      const gone = error instanceof Problem && error.status === 410 && error.outcome === 'unknown';
      if (!gone) throw error;
      return { receipt: receiptOf('deleted', error.version ?? 0) };
    }
  }

  /** Makes an earlier version the newest one, exactly. With `base`, merges it as an edit made on that version. */
  async restore(
    id: string,
    version: number,
    { base, key, signal }: Write & { readonly base?: number } = {},
  ): Promise<Saved<T>> {
    const made = base === undefined ? undefined : write({ [this.shape.names.version]: base });
    return this.#saved(await this.transport.send(this.write('POST', this.path(id, version), made, key), signal));
  }

  /** Lists the writes of a record, newest first. */
  versions(id: string, { limit, signal }: Call & { readonly limit?: number } = {}): List<Version> {
    const path = `${this.path(id)}/versions${limit === undefined ? '' : `?limit=${limit}`}`;
    return new List(this.transport, path, signal, (entry) => entry as unknown as Version);
  }

  /** Reads a record as it was after a write. */
  async version(id: string, version: number, { signal }: Call = {}): Promise<Record<T>> {
    return this.#get(this.path(id, version), signal);
  }

  /** Reads what changed. */
  changes(options: ChangesOptions = {}): Changes<T> {
    return new Changes<T>(this.transport, this.shape, options);
  }

  /** Returns the path of a record, or of one of its versions. */
  path(id: string, version?: number): string {
    return pathOf(this.shape, id, version);
  }

  /** Returns the request of a write. All its tries have one Idempotency-Key. */
  write(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: string,
    key = idempotencyKey(),
    type = 'application/json',
  ): Request {
    const headers: { [name: string]: string } = { 'idempotency-key': key };
    if (body !== undefined) headers['content-type'] = type;
    if (this.author !== undefined) headers['ripple-author'] = this.author;
    return { method, path, headers, body };
  }

  async #get(path: string, signal: AbortSignal | undefined): Promise<Record<T>> {
    return this.#record(await this.transport.send({ method: 'GET', path }, signal));
  }

  #saved(answer: Answer): Saved<T> {
    return { record: this.#record(answer), receipt: answer.receipt as Receipt }; // every answer to a write has one
  }

  #record(answer: Answer): Record<T> {
    return toRecord<T>(this.shape, answer.body, answer.headers);
  }
}

/** Returns the value of a condition. A backslash stands before a comma that belongs to one of several values. */
function text(operand: Operand | readonly Operand[]): unknown {
  return Array.isArray(operand) ? operand.map((one) => String(one).replace(/[,\\]/g, '\\$&')) : operand;
}

/** Returns a receipt of what the client knows without the server's. */
export function receiptOf(result: Receipt['result'], version: number): Receipt {
  return { result, version, baseMissing: false, won: [], taken: [], merged: [], kept: [], omitted: 0 };
}

/** Returns the header `Ripple-Author`: a string or a display string of RFC 9651. */
export function authorHeader({ name, id }: Author): string {
  const plain = /^[ -~]*$/.test(name);
  const text = plain
    ? `"${name.replace(/["\\]/g, '\\$&')}"`
    : `%"${encodeURIComponent(name)
        .replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase())
        .replace(/%20/g, ' ')}"`;
  return id === undefined ? text : `${text};id="${id}"`;
}
