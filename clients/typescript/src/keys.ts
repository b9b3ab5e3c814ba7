/** Ids of records whose key has two members, a partition key and a sort key. */

import { own, type Json, type Members } from './json.ts';

/** A string that stands in an address as it is. */
const PLAIN = /^(?!_|\.{1,2}$)[\w.~-]{1,128}$/;

/**
 * Returns the function that tells the id of a record with these two key members, for `ResourceOptions.id`. It returns
 * `undefined` for a record that lacks one of them.
 */
export function pairOf(key: string, sort: string): (record: Members) => string | undefined {
  return (record) => {
    const [first, second] = [part(own(record, key)), part(own(record, sort))];
    return first && second ? `${first},${second}` : undefined;
  };
}

function part(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  const text = String(value);
  return typeof value !== 'string' || PLAIN.test(text) || !text ? text : `_~${base64url(text)}`;
}

function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
