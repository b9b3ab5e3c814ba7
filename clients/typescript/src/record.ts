/** Records as values: what a reader saw, and all that an edit of it needs. */

import { freeze, fromEntries, isMembers, own, type Json, type Members, type Num } from './json.ts';
import { Problem } from './problem.ts';
import type { Receipt } from './receipt.ts';

/** A record as it was read. It never changes. */
export interface Record<T> {
  readonly id: string;
  /** The record's members, without those in which the server tells its version and its last write. */
  readonly value: Readonly<T>;
  /** The version. Below zero: another program left this state. 0: the server has not answered the creation yet. */
  readonly version: number;
  /** The entity tag. Lists and changes do not have one. */
  readonly etag?: string;
  /** The last write. A state that another program left does not say when and by whom it was made. */
  readonly updated: Updated;
  /** The age of the copy that was read, in seconds. */
  readonly age?: number;
  /** Whether the value lacks members, because a list was asked for some `fields` only. It cannot be edited. */
  readonly partial?: boolean;
  /** The number of own edits shown in the value that no answer has acknowledged. Only an outbox has them. */
  readonly pending: number;
}

/** A value that its author may change. */
export type Draft<T> = T extends Num | string | number | bigint | boolean | null | undefined
  ? T
  : T extends readonly (infer Entry)[]
    ? Draft<Entry>[]
    : { -readonly [Name in keyof T]: Draft<T[Name]> };

/** The last write of a record. */
export interface Updated {
  /** Milliseconds since 1970 UTC. */
  readonly at?: number;
  /** The name of the API key. */
  readonly by?: string;
  readonly author?: Author;
}

/** The person for whom a request is sent. */
export interface Author {
  readonly name: string;
  readonly id?: string;
}

/** A write that was made: the record as it is now, and what the write did. */
export interface Saved<T> {
  readonly record: Record<T>;
  readonly receipt: Receipt;
}

/** A deletion that was made. */
export interface Deleted {
  readonly receipt: Receipt;
}

/** The names that a resource's file chose. Each has the default of its resource file. */
export interface ResourceOptions {
  /** The member with the id. Default: the resource's name and `_id`. */
  readonly key?: string;
  /** Returns the id of a record whose key has two members. See `ripple-client/keys`. */
  readonly id?: (record: Members) => string | undefined;
  /** The members in which the server tells the version and the last write. */
  readonly members?: Partial<Names>;
  /** The member that identifies an entry, by JSON Pointer of the list, or `false`. Default: `id`. */
  readonly entries?: { readonly [pointer: string]: string | false };
}

/** The names of the server's own members. */
export interface Names {
  readonly version: string;
  readonly updated_at: string;
  readonly updated_by: string;
  readonly updated_author: string;
  readonly deleted: string;
}

/** The names that a resource uses. */
export interface Shape {
  readonly resource: string;
  readonly key: string;
  readonly id: ResourceOptions['id'];
  readonly names: Names;
  readonly entries: { readonly [pointer: string]: string | false };
}

/** Returns the names of a resource. */
export function shape(resource: string, options: ResourceOptions): Shape {
  const names = {
    version: 'version',
    updated_at: 'updated_at',
    updated_by: 'updated_by',
    updated_author: 'updated_author',
    deleted: 'deleted',
  };
  return {
    resource,
    key: options.key ?? `${resource}_id`,
    id: options.id,
    names: { ...names, ...options.members },
    entries: options.entries ?? {},
  };
}

/** Returns the member that identifies the entries of a list. */
export function entryKey(shape: Shape, pointer: string): string | false {
  return shape.entries[pointer] ?? shape.entries[pointer.slice(1)] ?? 'id';
}

/** Makes a record of its JSON. Throws a `Problem` if that has no id: then the answer is not from ripple. */
export function toRecord<T>(shape: Shape, json: Json | undefined, headers?: Headers): Record<T> {
  const id = isMembers(json) ? idIn(shape, json) : undefined;
  if (!isMembers(json) || id === undefined || id === null)
    throw new Problem(0, 'no_answer', 'the answer has no id');
  const { names } = shape;
  const version = own(json, names.version);
  const at = own(json, names.updated_at);
  const by = own(json, names.updated_by);
  const author = own(json, names.updated_author);
  const told: readonly string[] = Object.values(names);
  const etag = headers?.get('etag');
  const age = headers?.get('age');
  return freeze({
    id: String(id),
    value: fromEntries(Object.entries(json).filter(([name]) => !told.includes(name))) as T,
    version: typeof version === 'number' ? version : 0,
    ...(etag && { etag }),
    updated: {
      ...(typeof at === 'number' && { at }),
      ...(typeof by === 'string' && { by }),
      ...(isMembers(author) && { author: author as unknown as Author }),
    },
    ...(age && { age: Number(age) }),
    pending: 0,
  });
}

/** Returns the id that a record's members state. */
export function idIn(shape: Shape, members: Members): Json | undefined {
  return shape.id ? shape.id(members) : own(members, shape.key);
}

/** Returns the path of a record, or of one of its versions, relative to the address of the API. */
export function pathOf(shape: Shape, id: string, version?: number): string {
  // A name of the API may begin with `_`. A comma separates the parts of a key.
  const segment = encodeURIComponent(id).replace(/^_/, shape.id ? '_' : '%5F').replace('%2C', ',');
  return `${shape.resource}/${segment}${version === undefined ? '' : `/versions/${version}`}`;
}

/** Returns the value that an edit of the record begins from. Throws a `TypeError` if it is not whole. */
export function membersOf(record: Record<unknown>): Members {
  if (record.partial) throw new TypeError(`${record.id} has some fields only`);
  return record.value as Members;
}
