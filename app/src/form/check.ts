/** The rules of a schema that the page checks before it sends. The server checks all of them. */

import { isList, isMembers, has, type Json } from '../../../clients/typescript/src/json.ts';
import { branchOf, isNumber, isOf, typesOf, type Schema } from '../kinds.ts';

/** What is wrong at a path. */
export interface Fault {
  readonly path: readonly string[];
  readonly text: string;
}

/** Returns what is wrong with a value. */
export function check(schema: Schema, value: Json, path: readonly string[] = []): Fault[] {
  const types = typesOf(schema);
  if (types.length && !types.some((type) => isOf(type, value))) return [{ path, text: `must be ${words(types)}` }];
  const rule = branchOf(schema, value);
  if (isList(value)) return checkList(rule, value, path);
  if (isMembers(value)) {
    const missing = (rule.required ?? []).filter((name) => !has(value, name) || value[name] === '');
    const inner = Object.keys(value).flatMap((name) => {
      const property = rule.properties?.[name];
      return property && !missing.includes(name) ? check(property, value[name] as Json, [...path, name]) : [];
    });
    return [...missing.map((name) => ({ path: [...path, name], text: 'is required' })), ...inner];
  }
  const text = typeof value === 'string' ? ofText(rule, value) : isNumber(value) ? ofNumber(rule, Number(value)) : '';
  return text ? [{ path, text }] : [];
}

function checkList(rule: Schema, value: readonly Json[], path: readonly string[]): Fault[] {
  const { minItems = 0, maxItems = Infinity, items, prefixItems = [] } = rule;
  const faults: Fault[] = [];
  if (value.length < minItems) faults.push({ path, text: `must have at least ${minItems} values` });
  if (value.length > maxItems) faults.push({ path, text: `must have at most ${maxItems} values` });
  value.forEach((entry, place) => {
    const schema = prefixItems[place] ?? (typeof items === 'object' ? items : {});
    faults.push(...check(schema, entry, [...path, String(place)]));
  });
  return faults;
}

function ofText(rule: Schema, value: string): string {
  const length = [...value].length;
  const { minLength = 0, maxLength = Infinity, pattern, format } = rule;
  if (length < minLength) return minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters`;
  if (length > maxLength) return `must have at most ${maxLength} characters`;
  if (pattern !== undefined && !matches(pattern, value)) return `must match ${pattern}`;
  if (format === 'date' && !isDate(value)) return 'must be a date, such as 2026-03-01';
  return rule.enum && !rule.enum.includes(value) ? 'must be one of the values in the list' : '';
}

function ofNumber(rule: Schema, value: number): string {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum: above = -Infinity } = rule;
  if (value < minimum) return `must be at least ${minimum}`;
  if (value <= above) return `must be greater than ${above}`;
  if (value > maximum) return `must be at most ${maximum}`;
  const { exclusiveMaximum: below = Infinity } = rule;
  return value >= below ? `must be less than ${below}` : '';
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true; // the server knows the pattern's language
  }
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

const WORDS: { readonly [type: string]: string } = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number, such as 12.5',
  boolean: 'yes or no',
  array: 'a list',
  object: 'an object',
};

function words(types: readonly string[]): string {
  return types.flatMap((type) => WORDS[type] ?? []).join(' or ');
}
