/** Refusals in words: one sentence for each code of the API. */

import { Problem } from '../../../clients/typescript/src/problem.ts';
import type { Refusal } from '../../../clients/typescript/src/outbox/entry.ts';
import type { Kind } from '../kinds.ts';

const SENTENCES: { readonly [code: string]: string } = {
  forbidden: 'ripple refuses this key. Sign in with another one.',
  insufficient_scope: 'This key may not save. What you wrote waits on this device.',
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
  too_many_requests: 'There were too many requests. ripple is asked again soon.',
  unavailable: 'ripple is busy. Your text is kept on this device.',
  table_missing: 'The table of these records does not exist yet.',
  outcome_unknown: 'ripple did not confirm the change. It is sent again.',
  cursor_expired: 'This device was away for too long, so it begins anew.',
  no_answer: 'ripple did not answer. Your text is kept on this device.',
  timeout: 'ripple did not answer in time. Your text is kept on this device.',
  too_old: 'It is unknown whether this was saved. Here is what is there now.',
  poison: 'This change cannot be sent.',
  creation_parked: 'The {noun} itself was refused, so this change waits.',
  storage_full: 'There is no room on this device. Your text is only in the form.',
  outbox_full: 'Too much waits on this device. Your text is only in the form.',
};

/** Returns the sentence of a refusal. */
export function words(problem: Problem | Refusal | Error, kind?: Kind): string {
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
