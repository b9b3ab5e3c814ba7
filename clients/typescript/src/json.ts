/**
 * JSON that keeps every digit of a number and every name of a member.
 *
 * A number is a `number` if that holds its decimal text exactly. Otherwise it is a `Num`. Members named `__proto__`
 * and `constructor` are data.
 */

/** A number that a `number` cannot hold exactly, as its decimal text. */
export class Num {
  declare readonly text: string;

  /** Takes a number as JSON writes it. Throws a `SyntaxError` for any other text. */
  constructor(text: string) {
    if (!NUMBER.test(text)) throw new SyntaxError(`${text} is not a JSON number`);
    this.text = text;
    Object.freeze(this);
  }

  toString(): string {
    return this.text;
  }

  /** Rounds to a `number`. */
  valueOf(): number {
    return Number(this.text);
  }
}

/** A JSON value. The client never rounds its numbers. */
export type Json =
  null | boolean | number | bigint | Num | string | readonly Json[] | { readonly [name: string]: Json };

/** A JSON object. */
export type Members = { readonly [name: string]: Json };

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Finds text that may be a number of more digits than a `number` always holds, which is 15. */
const CANDIDATE = /\d[\d.]{15}/;

/** Parses a JSON text. Throws a `SyntaxError` if it is not one. */
export function parse(text: string): Json {
  const plain = JSON.parse(text) as Json;
  // JSON.parse makes `__proto__` a member like any other, and it has checked the text for the scanner.
  return CANDIDATE.test(text) ? scan(text) : plain;
}

/** Reads a valid JSON text again, with exact numbers. */
function scan(text: string): Json {
  const token = /[-\d][^\s,\]}]*|["[\]{}:,]|true|false|null/g;
  const next = (): string => {
    const [found] = token.exec(text) as RegExpExecArray; // the text is valid, so there is a token
    if (found !== '"') return found;
    // One expression for whole strings would need a stack as deep as the string has escapes.
    const begin = token.lastIndex - 1;
    let end = begin;
    do end = text.indexOf('"', end + 1);
    while (isEscaped(text, end));
    token.lastIndex = end + 1;
    return text.slice(begin, end + 1);
  };
  const value = (first: string): Json => {
    switch (first[0]) {
      case '{': {
        const members: { [name: string]: Json } = {};
        for (let name = next(); name !== '}'; name = next()) {
          if (name === ',') continue;
          next(); // the colon
          put(members, JSON.parse(name) as string, value(next()));
        }
        return members;
      }
      case '[': {
        const list: Json[] = [];
        for (let entry = next(); entry !== ']'; entry = next()) if (entry !== ',') list.push(value(entry));
        return list;
      }
      case '"':
      case 't':
      case 'f':
      case 'n':
        return JSON.parse(first) as Json;
      default: {
        const near = Number(first);
        return digits(String(near)) === digits(first) ? near : new Num(first);
      }
    }
  };
  return value(next());
}

/** Reports whether an odd number of backslashes is before a place. */
function isEscaped(text: string, place: number): boolean {
  let first = place;
  while (text[first - 1] === '\\') first--;
  return (place - first) % 2 === 1;
}

/** Writes a value as JSON. Throws a `TypeError` for what JSON cannot say, such as NaN or a function. */
export function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((entry) => write(entry === undefined ? null : entry)).join()}]`;
  if (isMembers(value)) {
    const members = Object.keys(value).filter((name) => value[name] !== undefined);
    return `{${members.map((name) => `${JSON.stringify(name)}:${write(value[name])}`).join()}}`;
  }
  if (value instanceof Num || typeof value === 'bigint') return String(value);
  const plain = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  if (!plain) throw new TypeError(`${String(value)} is not a JSON value`);
  return JSON.stringify(value);
}

/** Returns a copy that shares nothing with the value. Members that are `undefined` are left out. */
export function copy(value: unknown): Json {
  if (Array.isArray(value)) return value.map((entry) => (entry === undefined ? null : copy(entry)));
  if (!isMembers(value)) {
    write(value); // throws for what JSON cannot say
    return value as Json;
  }
  const members: { [name: string]: Json } = {};
  for (const name of Object.keys(value)) if (value[name] !== undefined) put(members, name, copy(value[name]));
  return members;
}

/** Freezes a value with everything in it, and returns it. */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}

/** Reports whether two values are equal: numbers by value, objects without the order of their members. */
export function equal(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (isNumber(one)) return isNumber(other) && digits(String(one)) === digits(String(other));
  if (isList(one)) {
    return isList(other) && one.length === other.length && one.every((entry, place) => equal(entry, other[place]));
  }
  if (!isMembers(one) || !isMembers(other)) return false;
  const names = Object.keys(one);
  const same = (name: string): boolean => has(other, name) && equal(one[name], other[name]);
  return names.length === Object.keys(other).length && names.every(same);
}

/** Reports whether a value is an object with members. */
export function isMembers(value: unknown): value is Members {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Reports whether a value is a list. */
export function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** Reports whether an object has a member of its own. */
export function has(members: object, name: string): boolean {
  return Object.hasOwn(members, name);
}

/** Returns a member of its own, or `undefined`. */
export function own(members: Members, name: string): Json | undefined {
  return has(members, name) ? members[name] : undefined;
}

/** Sets a member, whatever its name. An assignment to `__proto__` would set the prototype. */
export function put(members: object, name: string, value: unknown): void {
  Object.defineProperty(members, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Returns the members as an object in which `__proto__` is a member like any other. */
export function fromEntries(entries: Iterable<readonly [string, Json]>): Members {
  const members = {};
  for (const [name, value] of entries) put(members, name, value);
  return members;
}

function isNumber(value: unknown): value is number | bigint | Num {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Num;
}

/** Returns the same text for all texts of one number: its digits without zeros at the ends, and the exponent. */
function digits(text: string): string {
  const [, sign, whole, part = '', exponent = '0'] = /^(-?)(\d+)\.?(\d*)(?:[eE](.+))?$/.exec(text) ?? ['', '', text];
  const all = (whole + part).replace(/^0+/, '');
  const trimmed = all.replace(/0+$/, '');
  if (!trimmed) return '0';
  return `${sign}${trimmed}e${Number(exponent) - part.length + all.length - trimmed.length}`;
}
