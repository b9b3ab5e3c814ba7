/** Refusals in words: a sentence for each code of the API, and one more for what is in the outbox. */

import { Problem } from '../../../clients/typescript/src/problem.ts';
import type { Refusal } from '../../../clients/typescript/src/outbox/entry.ts';
import type { Kind } from '../kinds.ts';

const SENTENCES: { readonly [code: string]: string } = {
  forbidden: 'ripple refuses this key. Sign in with another one.',
  insufficient_scope: 'This key may not save.',
  author_not_allowed: 'This key may only write in the name of its own author.',
  missing_authentication_token: 'There is no ripple at this address.',
  not_found: 'There is no {noun} with this id.',
  no_such_version: 'The history no longer has this version.',
  exists: 'Another {noun} has this id. It was not changed.',
  deleted: 'This {noun} was deleted before your change arrived.',
  gone: 'This {noun} was deleted before your change arrived.',
  stale: 'This {noun} is not what you had in front of you.',
  precondition_failed: 'This {noun} was changed after you decided to delete it.',
  idempotency_key_reused: 'This change was sent before with another content.',
  record_too_large: 'This is too large for one {noun}.',
  body_too_large: 'This is too large for one {noun}.',
  invalid_body: 'Some fields need attention.',
  invalid_request: 'ripple does not understand this address.',
  too_many_requests: 'There were too many requests.',
  unavailable: 'ripple is busy.',
  table_missing: 'The table of these records does not exist yet.',
  outcome_unknown: 'ripple did not confirm the change.',
  cursor_expired: 'This device was away for too long, so it begins anew.',
  no_answer: 'ripple did not answer.',
  timeout: 'ripple did not answer in time.',
  too_old: 'It is unknown whether this was saved. Here is what is there now.',
  poison: 'This change cannot be sent.',
  creation_parked: 'The {noun} itself was refused, so this change waits.',
  storage_full: 'There is no room on this device. Your text is only in the form.',
  outbox_full: 'Too much waits on this device. Your text is only in the form.',
};

const KEPT = 'Your text is kept on this device.';
/** What becomes of a write that waits in the outbox. */
const WAITING: { readonly [code: string]: string } = {
  insufficient_scope: 'What you wrote waits on this device.',
  too_many_requests: 'ripple is asked again soon.',
  unavailable: KEPT,
  outcome_unknown: 'It is sent again.',
  no_answer: KEPT,
  timeout: KEPT,
};

/** Returns what is to be said of a refusal of what is in the outbox. */
export function words(problem: Problem | Refusal | Error, kind?: Kind): string {
  const waits = WAITING['code' in problem ? problem.code : ''];
  return waits ? `${reason(problem, kind)} ${waits}` : reason(problem, kind);
}

/** Returns the sentence of a refusal of a request that no outbox has. */
export function reason(problem: Problem | Refusal | Error, kind?: Kind): string {
  const code = 'code' in problem ? problem.code : '';
  const found = SENTENCES[code] ?? ('detail' in problem ? `ripple refused this: ${problem.detail}.` : problem.message);
  return found.replace('{noun}', kind?.noun ?? 'record');
}

/** Returns a thrown value as an error. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Reports whether the network, and not the request, is at fault. */
export function isAway(thrown: unknown): boolean {
  return thrown instanceof Problem && (thrown.status === 0 || thrown.status >= 500);
}
