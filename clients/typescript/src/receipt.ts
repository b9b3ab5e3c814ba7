/** Receipts: what a write did, as the header `Ripple-Receipt` states it (a dictionary of RFC 9651). */

/** A field that a receipt names. */
export interface Touched {
  /** A JSON Pointer (RFC 6901) into the record. */
  readonly pointer: string;
  /** The version with the value that this save replaced. */
  readonly replaced?: number;
  /** The id of the author whose value this save replaced. */
  readonly author?: string;
  /** The numbers of entries that this save added to a list, removed from it and changed in it. */
  readonly added?: number;
  readonly removed?: number;
  readonly changed?: number;
}

/** What a write did. */
export interface Receipt {
  readonly result: 'created' | 'saved' | 'unchanged' | 'restored' | 'deleted';
  /** The record's current version. */
  readonly version: number;
  /** The version on which the edit was made, if the request named one. */
  readonly base?: number;
  /** Whether the history no longer has the base. */
  readonly baseMissing: boolean;
  /** Fields that both sides changed, where this save won. */
  readonly won: readonly Touched[];
  /** Fields that only this save changed. */
  readonly taken: readonly Touched[];
  /** Lists and texts that both sides changed. */
  readonly merged: readonly Touched[];
  /** Fields that others changed, and that keep the others' value. */
  readonly kept: readonly Touched[];
  /** The number of fields that the receipt does not name. */
  readonly omitted: number;
}

type Bare = string | number | boolean;
interface Item {
  readonly value: Bare | readonly Item[];
  readonly parameters: ReadonlyMap<string, Bare>;
}

const RESULTS: readonly unknown[] = ['created', 'saved', 'unchanged', 'restored', 'deleted'];

/** Parses the header. Returns `undefined` if it is absent or is no receipt. */
export function parseReceipt(header: string | null | undefined): Receipt | undefined {
  if (!header) return undefined;
  let found: Map<string, Item>;
  try {
    found = dictionary(header);
  } catch {
    return undefined;
  }
  const value = (name: string): Item['value'] | undefined => found.get(name)?.value;
  const fields = (name: string): readonly Touched[] => touched(value(name));
  const [result, version, base, omitted] = ['result', 'version', 'base', 'omitted'].map(value);
  if (!RESULTS.includes(result) || typeof version !== 'number') return undefined;
  return Object.freeze({
    result: result as Receipt['result'],
    version,
    ...(typeof base === 'number' && { base }),
    baseMissing: found.get('base')?.parameters.has('missing') ?? false,
    won: fields('won'),
    taken: fields('taken'),
    merged: fields('merged'),
    kept: fields('kept'),
    omitted: typeof omitted === 'number' ? omitted : 0,
  });
}

function touched(list: Item['value'] | undefined): readonly Touched[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: Item) => ({ ...Object.fromEntries(item.parameters), pointer: String(item.value) }));
}

/** Parses a dictionary of RFC 9651. Throws a `SyntaxError` for any other text. */
function dictionary(text: string): Map<string, Item> {
  let rest = text.trim();
  const take = (pattern: RegExp): string | undefined => {
    const match = pattern.exec(rest);
    if (match) rest = rest.slice(match[0].length);
    return match?.[0];
  };
  const need = (pattern: RegExp): string => {
    const match = take(pattern);
    if (match === undefined) throw new SyntaxError();
    return match;
  };
  const key = (): string => need(/^[a-z*][a-z0-9_.*-]*/);
  const bare = (): Bare => {
    const number = take(/^-?\d{1,15}(\.\d{1,3})?/);
    if (number !== undefined) return Number(number);
    const string = take(/^"(?:[^"\\]|\\["\\])*"/);
    if (string !== undefined) return string.slice(1, -1).replace(/\\(.)/g, '$1');
    const display = take(/^%"[^"]*"/);
    if (display !== undefined) return decodeURIComponent(display.slice(2, -1));
    const flag = take(/^\?[01]/);
    if (flag !== undefined) return flag === '?1';
    return need(/^[A-Za-z*][^\s,;=()"]*/);
  };
  const parameters = (): Map<string, Bare> => {
    const found = new Map<string, Bare>();
    while (take(/^; */) !== undefined) {
      const name = key();
      found.set(name, take(/^=/) === undefined ? true : bare());
    }
    return found;
  };
  const value = (): Item['value'] => {
    if (take(/^\( */) === undefined) return bare();
    const list: Item[] = [];
    while (take(/^\)/) === undefined) {
      list.push({ value: bare(), parameters: parameters() });
      take(/^ +/);
    }
    return list;
  };
  const found = new Map<string, Item>();
  do {
    const name = key();
    found.set(name, { value: take(/^=/) === undefined ? true : value(), parameters: parameters() });
  } while (rest && need(/^[ \t]*,[ \t]*/));
  return found;
}
