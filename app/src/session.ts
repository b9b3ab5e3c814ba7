/**
 * Who uses this tab. The key and its person are in memory and in the tab's `sessionStorage`, so they survive a reload
 * and end with the tab. The names and ids of all people stay on the device, so that each gets the same outbox again.
 */

import { uuid } from '../../clients/typescript/src/ids.ts';
import type { Person } from './connection.ts';

/** The session of a tab. An earlier version of the page kept the key alone, which is no session. */
const SESSION = 'ripple.key';
/** The names of the device's people, each with an id. The newest is the last. */
const PEOPLE = 'ripple.people';
/** The only person that an earlier version of the page remembered. */
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
  const found = stored(sessionStorage, SESSION) as Partial<Session> | undefined;
  const person = pane() ?? found?.person;
  return found?.key !== undefined && person ? { key: found.key, person } : undefined;
}

/** Returns the person who used this device last. */
export function known(): Person | undefined {
  const last = [...people()].at(-1);
  return last && { name: last[0], id: last[1] };
}

export function signIn(key: string, name: string): Session {
  const others = people();
  const id = others.get(name) ?? uuid();
  others.delete(name);
  localStorage.setItem(PEOPLE, JSON.stringify([...others, [name, id]]));
  localStorage.removeItem(PERSON);
  const session = { key, person: { name, id } };
  sessionStorage.setItem(SESSION, JSON.stringify(session));
  return session;
}

export function signOut(): void {
  sessionStorage.removeItem(SESSION);
}

/** Returns the ids of the people of this device, by name. */
function people(): Map<string, string> {
  const found = stored(localStorage, PEOPLE);
  if (Array.isArray(found)) return new Map(found as [string, string][]);
  const { name, id } = (stored(localStorage, PERSON) as Partial<Person> | undefined) ?? {};
  return new Map(name !== undefined && id !== undefined ? [[name, id]] : []);
}

/** Returns a stored object. Returns `undefined` if there is none. */
function stored(storage: Storage, name: string): object | undefined {
  try {
    const found: unknown = JSON.parse(storage.getItem(name) ?? 'null');
    return typeof found === 'object' && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Returns what is wrong with a name, or an empty text. The server has the same rules. */
export function nameFault(name: string): string {
  const length = [...name].length;
  if (length === 0) return 'Your name is required.';
  if (length > 60) return 'Your name must have at most 60 characters.';
  return /[\p{Cc}\p{Cf}]/u.test(name) ? 'Your name must not have control characters.' : '';
}
