/** The difference of two texts, by word or, where the texts are long, by line. */

import { h, type Child } from '../dom.ts';

/** A stretch of text. */
export interface Stretch {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** A word or another character with the blanks that follow it, or a line end. */
const WORD = /\r\n|\n|\r|(?:[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_])[^\S\r\n]*|[^\S\r\n]+/gu;
const LINE = /[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+/g;
/** Longer texts are compared by lines. */
const MOST_WORDS = 2_000;
/** The most differences that are looked for. The time grows with their square. */
const MOST_EDITS = 400;
/** An unchanged stretch is shown with so many characters beside a change. */
const CONTEXT = 60;

/** Compares two texts. */
export function difference(before: string, after: string): Stretch[] {
  const by = (pattern: RegExp): [string[], string[]] => [before.match(pattern) ?? [], after.match(pattern) ?? []];
  let [one, other] = by(WORD);
  if (Math.max(one.length, other.length) > MOST_WORDS) [one, other] = by(LINE);
  let first = 0;
  while (first < one.length && first < other.length && one[first] === other[first]) first++;
  let last = 0;
  while (last < Math.min(one.length, other.length) - first && one.at(-1 - last) === other.at(-1 - last)) last++;
  const middle = compare(one.slice(first, one.length - last), other.slice(first, other.length - last));
  return joined([
    { kind: 'same', text: one.slice(0, first).join('') },
    ...middle,
    { kind: 'same', text: one.slice(one.length - last).join('') },
  ]);
}

/** Finds a shortest edit, by the algorithm of Myers (1986). Beyond the limit, all is removed and added. */
function compare(one: readonly string[], other: readonly string[]): Stretch[] {
  const most = Math.min(one.length + other.length, MOST_EDITS);
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= most; edits++) {
    trace.push(new Map(reach));
    for (let k = -edits; k <= edits; k += 2) {
      const [below, above] = [reach.get(k - 1) ?? -1, reach.get(k + 1) ?? -1];
      let x = k === -edits || (k !== edits && below < above) ? above : below + 1;
      while (x < one.length && x - k < other.length && one[x] === other[x - k]) x++;
      reach.set(k, x);
      if (x >= one.length && x - k >= other.length) return walk(trace, one, other);
    }
    reach = new Map(reach);
  }
  return [
    { kind: 'removed', text: one.join('') },
    { kind: 'added', text: other.join('') },
  ];
}

function walk(trace: readonly Map<number, number>[], one: readonly string[], other: readonly string[]): Stretch[] {
  const found: Stretch[] = [];
  let [x, y] = [one.length, other.length];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reach = trace[edits] as Map<number, number>;
    const k = x - y;
    const [below, above] = [reach.get(k - 1) ?? -1, reach.get(k + 1) ?? -1];
    const from = k === -edits || (k !== edits && below < above) ? k + 1 : k - 1;
    const beforeX = edits ? (reach.get(from) ?? 0) : 0;
    const beforeY = edits ? beforeX - from : 0;
    while (x > beforeX && y > beforeY) {
      found.push({ kind: 'same', text: one[--x] as string });
      y--;
    }
    if (edits && x > beforeX) found.push({ kind: 'removed', text: one[--x] as string });
    else if (edits && y > beforeY) found.push({ kind: 'added', text: other[--y] as string });
  }
  return found.reverse();
}

/** Joins neighbours, with what was removed before what was added. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  let [removed, added] = ['', ''];
  const flush = (): void => {
    if (removed) found.push({ kind: 'removed', text: removed });
    if (added) found.push({ kind: 'added', text: added });
    removed = added = '';
  };
  for (const { kind, text } of stretches) {
    if (!text) continue;
    if (kind === 'removed') removed += text;
    else if (kind === 'added') added += text;
    else {
      flush();
      const last = found.at(-1);
      if (last?.kind === 'same') found[found.length - 1] = { kind, text: last.text + text };
      else found.push({ kind, text });
    }
  }
  flush();
  return found;
}

/** Shows a difference with marks that are also read aloud. */
export function shownDifference(before: string, after: string): HTMLElement {
  const stretches = difference(before, after);
  const spoken = (text: string): Child => h('span', { class: 'unseen' }, text);
  const parts = stretches.map(({ kind, text }, place): Child => {
    if (kind === 'same') return cut(text, place === 0, place === stretches.length - 1);
    // A change of line ends alone would not be visible.
    const seen = /^\s*$/.test(text) ? text.replace(/\r\n|\r|\n/g, '↵$&').replace(/^ +$/, '␣') : text;
    return kind === 'removed'
      ? h('del', {}, spoken('[removed: '), seen, spoken('] '))
      : h('ins', {}, spoken('[added: '), seen, spoken('] '));
  });
  return h('div', { class: 'difference' }, parts.length ? parts : h('i', {}, 'empty'));
}

function cut(text: string, first: boolean, last: boolean): string {
  if (text.length <= CONTEXT * 3) return text;
  const head = first ? '' : text.slice(0, CONTEXT);
  const tail = last ? '' : text.slice(-CONTEXT);
  return `${head} … ${tail}`;
}
