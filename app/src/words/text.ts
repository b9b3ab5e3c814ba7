/** Parts of sentences. */

import { isList, isMembers, type Json } from '../../../clients/typescript/src/json.ts';
import { isNumber } from '../kinds.ts';

/** The most names in one sentence. */
const MOST = 4;
/** The most characters of a value in a sentence. */
const SHORT = 60;

/** Joins words: "a, b and c". */
export function and(words: readonly string[]): string {
  const named = words.length > MOST ? [...words.slice(0, MOST - 1), `${words.length - MOST + 1} more`] : words;
  const last = named.at(-1) ?? '';
  return named.length > 1 ? `${named.slice(0, -1).join(', ')} and ${last}` : last;
}

/** Counts things: "1 edit", "2 edits". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}

export function wasOrWere(words: readonly unknown[]): string {
  return words.length === 1 ? 'was' : 'were';
}

/** Returns a short text for a value. */
export function short(value: Json | undefined): string {
  const text = plain(value).replace(/\s+/g, ' ').trim();
  return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
}

/** Returns a value as text of several lines, for comparison and display. */
export function plain(value: Json | undefined, indent = ''): string {
  if (value === undefined) return '';
  if (value === null) return 'nothing';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string' || isNumber(value) || typeof value === 'bigint') return String(value);
  if (isList(value)) return value.map((entry) => `${indent}• ${plain(entry, `${indent}  `).trimStart()}`).join('\n');
  if (!isMembers(value)) return String(value);
  const lines = Object.keys(value).map((name) => `${indent}${name}: ${plain(value[name], `${indent}  `)}`);
  return lines.join('\n');
}

/** Begins a sentence and ends it. */
export function sentence(clauses: readonly string[]): string {
  return `${capital(clauses.join('; '))}.`;
}

/** Returns a text with its first letter in upper case. */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
