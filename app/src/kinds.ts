/** The kinds of records that a host serves, as its OpenAPI document states them. */

import { isList, isMembers, own, parse, type Json, type Members } from '../../clients/typescript/src/json.ts';
import { pairOf } from '../../clients/typescript/src/keys.ts';
import type { Names, ResourceOptions } from '../../clients/typescript/src/record.ts';

/** A JSON Schema, in the subset that resource files have. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly oneOf?: readonly Schema[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
}

/** A kind of record. */
export interface Kind {
  readonly resource: string;
  /** One record in a sentence, without and with its article; several records. */
  readonly noun: string;
  readonly singular: string;
  readonly plural: string;
  /** The key member, or the partition key and the sort key, with their types. */
  readonly keys: readonly (readonly [string, 'string' | 'number'])[];
  /** Whether an author must choose the key of a new record. */
  readonly chosenKey: boolean;
  /** The member that is a record's title. */
  readonly label: string;
  readonly readOnly: boolean;
  readonly options: ResourceOptions;
  /** The members that the resource's file describes, in its order. */
  readonly members: readonly (readonly [string, Schema])[];
  readonly required: ReadonlySet<string>;
}

/** Reads the kinds of an OpenAPI document. */
export function kindsOf(text: string): Kind[] {
  const document = parse(text);
  const stated = isMembers(document) ? own(document, 'x-ripple') : undefined;
  if (!isMembers(document) || !isMembers(stated)) throw new Error('the document does not describe resources');
  return Object.keys(stated).flatMap((resource) => {
    const about = stated[resource];
    return isMembers(about) ? kind(document, resource, about) : [];
  });
}

function kind(document: Members, resource: string, about: Members): Kind {
  const schema = at(document, 'components', 'schemas', text(about.schema)) as Schema | undefined;
  const properties = schema?.properties ?? {};
  const [key, sort] = [text(about.key), text(about.sort_key)];
  const isNumber = about.key_type === 'number';
  const sortType = about.sort_key_type === 'number' ? 'number' : 'string';
  const order = isList(about.properties) ? about.properties.map(text) : [];
  const singular = text(about.singular);
  return {
    resource,
    noun: singular.slice(singular.indexOf(' ') + 1),
    singular,
    plural: text(about.plural),
    keys: [[key, isNumber ? 'number' : 'string'], ...(sort ? [[sort, sortType] as const] : [])],
    chosenKey: isNumber || sort !== '',
    label: text(about.label),
    readOnly: about.access === 'read-only',
    options: {
      key,
      ...(sort && { id: pairOf(key, sort) }),
      members: (about.members ?? {}) as unknown as Partial<Names>,
      entries: (about.entries ?? {}) as { [pointer: string]: string | false },
    },
    members: order.flatMap((name) => (properties[name] ? [[name, properties[name]] as const] : [])),
    required: new Set(schema?.required ?? []),
  };
}

function at(json: Json, ...path: readonly string[]): Json | undefined {
  let found: Json | undefined = json;
  for (const name of path) found = isMembers(found) ? own(found, name) : undefined;
  return found;
}

function text(json: Json | undefined): string {
  return typeof json === 'string' ? json : '';
}

/** Returns the schema of a member, also of one that only `entries` names. */
export function schemaOf(kind: Kind, name: string): Schema | undefined {
  return kind.members.find(([member]) => member === name)?.[1];
}

/** Reports whether a member is a part of the key. */
export function isKey({ keys }: Kind, name: string): boolean {
  return keys.some(([key]) => key === name);
}

/** Returns the types that a schema allows. None: any. */
export function typesOf(schema: Schema): readonly string[] {
  if (schema.oneOf) return schema.oneOf.flatMap(typesOf);
  return schema.type === undefined ? [] : typeof schema.type === 'string' ? [schema.type] : schema.type;
}

/** Returns the branch of a schema for a value. */
export function branchOf(schema: Schema, value: Json | undefined): Schema {
  return schema.oneOf?.find((branch) => typesOf(branch).some((type) => isOf(type, value))) ?? schema;
}

/** Reports whether a value has a type of JSON Schema. */
export function isOf(type: string, value: Json | undefined): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return isList(value);
    case 'object':
      return isMembers(value);
    case 'number':
      return isNumber(value);
    case 'integer':
      return isNumber(value) && /^-?\d+$/.test(String(value));
    default:
      return typeof value === type;
  }
}

/** Reports whether a value is a number. One of many digits is an object of the client. */
export function isNumber(value: unknown): boolean {
  return (
    typeof value === 'number' || (typeof value === 'object' && value !== null && !isMembers(value) && !isList(value))
  );
}

/** Returns the name of a member for people. */
export function labelOf(kind: Kind, name: string): string {
  const label = schemaOf(kind, name)?.title ?? name.replace(/[_-]+/g, ' ').trim();
  return label || name;
}

/** Returns the title of a record. */
export function titleOf(kind: Kind, members: Members | null | undefined, id: string): string {
  const title = members ? own(members, kind.label) : undefined;
  const text = typeof title === 'string' || typeof title === 'number' ? String(title).trim() : '';
  return text || `${kind.noun} ${id}`;
}
