/**
 * Who uses this tab. The key is in memory and in the tab's `sessionStorage`, so it survives a reload and ends with the
 * tab. The person's name and id stay on the device, so that the same person gets the same outbox again.
 */

import { uuid } from '../../clients/typescript/src/ids.ts';
import type { Person } from './connection.ts';

const KEY = 'ripple.key';
const PERSON = 'ripple.person';

export interface Session {
  readonly key: string;
  readonly person: Person;
}

/** The people of the two panes of the demonstration. */
const PANES: { readonly [name: string]: Person } = {
  ann: { name: 'Ann', id: 'demo-ann' },
  bo: { name: 'Bo', id: 'demo-bo' },
};

/** Returns the person of this pane. Only a page inside the demonstration is one: a link cannot name the author. */
export function pane(): Person | undefined {
  const name = new URLSearchParams(location.search).get('pane') ?? '';
  return window.parent !== window && Object.hasOwn(PANES, name) ? PANES[name] : undefined;
}

/** Returns the session of this tab. */
export function session(): Session | undefined {
  const key = sessionStorage.getItem(KEY);
  const person = pane() ?? known();
  return key !== null && person ? { key, person } : undefined;
}

/** Returns the person who used this device last. */
export function known(): Person | undefined {
  try {
    const found = JSON.parse(localStorage.getItem(PERSON) ?? 'null') as Partial<Person> | null;
    const { name, id } = found ?? {};
    return typeof name === 'string' && typeof id === 'string' ? { name, id } : undefined;
  } catch {
    return undefined;
  }
}

export function signIn(key: string, name: string): Session {
  const before = known();
  const person = before?.name === name ? before : { name, id: uuid() };
  localStorage.setItem(PERSON, JSON.stringify(person));
  sessionStorage.setItem(KEY, key);
  return { key, person };
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
}

/** Returns what is wrong with a name, or an empty text. The server has the same rules. */
export function nameFault(name: string): string {
  const length = [...name].length;
  if (length === 0) return 'Your name is required.';
  if (length > 60) return 'Your name must have at most 60 characters.';
  return /[\p{Cc}\p{Cf}]/u.test(name) ? 'Your name must not have control characters.' : '';
}
