/** What a row of a sheet does, in words. */

import { isList, isMembers, own, type Json } from '../../../clients/typescript/src/json.ts';
import { parseReceipt, type Touched } from '../../../clients/typescript/src/receipt.ts';
import type { Kind } from '../kinds.ts';
import { reason } from './problems.ts';
import { placeOf } from './rows.ts';
import { and, capital, sentence } from './text.ts';

/** The result of a row. */
export interface Result {
  /** The line of the file. */
  readonly line: number;
  readonly id: string | undefined;
  readonly status: number;
  /** The receipt, as in the header `Ripple-Receipt`. */
  readonly receipt: string | undefined;
  readonly problem: Json | undefined;
}

/** Tells what a row has done, or, of a dry run, what it would do. */
export function resultText(kind: Kind, { receipt: text, problem }: Result, dry: boolean): string {
  if (isMembers(problem)) return refused(kind, problem);
  const receipt = parseReceipt(text ?? null);
  if (!receipt) return 'The server does not say.';
  if (receipt.result === 'created') return dry ? `Creates a new ${kind.noun}.` : `The ${kind.noun} was created.`;
  const places = (fields: readonly Touched[]): string =>
    and([...new Set(fields.map(({ pointer }) => placeOf(kind, pointer)))]);
  const { won, taken, merged, kept } = receipt;
  const [changes, merges, replaces, keeps] = dry
    ? ['changes', 'merges', 'replaces', 'keeps']
    : ['changed', 'merged', 'replaced', 'kept'];
  const clauses: string[] = [];
  if (taken.length) clauses.push(`${changes} the ${places(taken)}`);
  if (merged.length) clauses.push(`${merges} the ${places(merged)} with what others saved since the export`);
  if (won.length) clauses.push(`${replaces} what others saved in the ${places(won)} since the export`);
  if (kept.length && clauses.length) clauses.push(`${keeps} what others saved in the ${places(kept)}`);
  return clauses.length ? sentence(clauses) : dry ? 'Changes nothing.' : 'Nothing was changed.';
}

function refused(kind: Kind, problem: { readonly [name: string]: Json }): string {
  const [code, detail] = [own(problem, 'code'), own(problem, 'detail')].map((one) => String(one ?? ''));
  const errors = own(problem, 'errors');
  const faults = (isList(errors) ? errors.filter(isMembers) : []).map((error) => {
    const pointer = String(own(error, 'pointer') ?? '');
    return `${capital(placeOf(kind, pointer))} ${String(own(error, 'detail') ?? '')}.`;
  });
  if (code === 'not_tried') return 'It was not tried.';
  const refusal = { status: 0, code: code ?? '', detail: detail ?? '', fields: {}, outcome: 'not_made' as const };
  return ['Refused:', ...(faults.length ? faults : [reason(refusal, kind)])].join(' ');
}
