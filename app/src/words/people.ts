/** Who else has a record open, in words. */

import type { Present } from '../../../clients/typescript/src/live.ts';
import type { Kind } from '../kinds.ts';
import { placeOf } from './rows.ts';
import { and, count, sentence } from './text.ts';

/** The others who have a record open. */
export interface Others {
  readonly who: readonly Present[];
  /** The number of those who are not named. */
  readonly more: number;
}

/** Tells who else has a record open, and what they edit. */
export function peopleText(kind: Kind, { who, more }: Others): string {
  const editing = who.filter(({ state }) => state === 'edit');
  const viewing = who.filter(({ author }) => !editing.some((one) => isSame(one.author, author)));
  const clauses = editing.map(({ author, field }) => {
    return `${author.name} is editing${field ? ` ${placeOf(kind, field)}` : ''}`;
  });
  const names = [...new Set(viewing.map(({ author }) => author.name))];
  const isOne = names.length + more === 1;
  if (more) names.push(count(more, 'other person', 'other people'));
  if (names.length) clauses.push(`${and(names)} ${isOne ? 'has' : 'have'} this ${kind.noun} open`);
  return clauses.length ? sentence([...new Set(clauses)]) : '';
}

function isSame(one: Present['author'], other: Present['author']): boolean {
  return one.id === other.id && one.name === other.name;
}
