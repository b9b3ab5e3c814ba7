/** The decisions of the outbox, one by one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  acknowledge,
  apply,
  CLAIM,
  drop,
  enqueue,
  find,
  freeze,
  IN_FLIGHT,
  learn,
  park,
  postpone,
  recover,
  replace,
} from '../src/outbox/decide.ts';
import { doubt, sendable, tooOld, type State, type Step, type Wanted } from '../src/outbox/decide.ts';
import { nameOf, type Entry, type Known } from '../src/outbox/entry.ts';
import { view } from '../src/outbox/view.ts';
import { EMPTY } from './walk/device.ts';

const NOT_FOUND = { status: 404, code: 'not_found', detail: '', fields: {}, outcome: 'not_made' as const };

function known(version: number, value: Known['value'], id = 'p1'): Known {
  return { resource: 'prj', id, version, value, etag: null, updated: {}, receipt: 0 };
}

let serial = 0;
function wanted(more: Partial<Wanted>): Wanted {
  const blank = {
    resource: 'prj',
    id: 'p1',
    kind: 'edit' as const,
    seen: {},
    set: {},
    remove: [],
    version: 3,
    pending: 0,
  };
  return { ...blank, key: `k${++serial}`, path: 'prj/p1', account: 'a', author: null, made_at: 0, ...more };
}

function then(state: State, step: Step | undefined): State {
  assert(step);
  return apply(state, step);
}

function queue(state: State, more: Partial<Wanted>): State {
  return then(state, enqueue(state, wanted(more)).step);
}

function only(state: State): Entry {
  assert.equal(state.entries.length, 1);
  return state.entries[0] as Entry;
}

test('an_edit_folds_into_the_last_one_that_was_never_sent', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = queue(state, { seen: { goal: 'B', note: 'n' }, set: { goal: 'C' }, remove: ['note'] });
  const { seen, set, remove, n } = only(state);
  assert.deepEqual(
    { seen, set, remove, n },
    { seen: { goal: 'A', note: 'n' }, set: { goal: 'C' }, remove: ['note'], n: 1 },
  );
});

test('a_write_whose_commit_was_reported_as_failed_is_queued_once', () => {
  const edit = wanted({ seen: { goal: 'A' }, set: { goal: 'B' } });
  const state = then(EMPTY, enqueue(EMPTY, edit).step);
  const { step, entry } = enqueue(state, edit);
  assert.deepEqual([then(state, step).entries, entry], [state.entries, only(state)]);
});

test('an_edit_that_saw_something_else_is_an_entry_of_its_own', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = queue(state, { seen: { goal: 'A' }, set: { goal: 'C' } });
  assert.equal(state.entries.length, 2);
});

test('an_edit_of_another_author_is_an_entry_of_its_own', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = queue(state, { seen: { goal: 'B' }, set: { goal: 'C' }, author: ['Ann'] });
  assert.equal(state.entries.length, 2);
});

test('an_edit_that_undoes_an_unsent_one_removes_it', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = queue(state, { seen: { goal: 'B' }, set: { goal: 'A' } });
  assert.deepEqual(state.entries, []);
});

test('an_entry_that_was_ever_sent_is_never_changed', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = then(state, freeze(state, 1, undefined));
  state = then(state, postpone(state, 1)); // 503: refused for the time being
  assert.equal(only(state).state, 'queued');
  const { bytes } = only(state);
  state = queue(state, { seen: { goal: 'B' }, set: { goal: 'C' } });
  assert.equal(find(state, 1)?.bytes, bytes);
  assert.equal(state.entries.length, 2);
});

test('every_request_of_an_entry_has_the_bytes_of_the_first', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' }, version: 3 });
  state = then(state, freeze(state, 1, 1000));
  assert.equal(only(state).bytes, '{"version":3,"seen":{"goal":"A"},"set":{"goal":"B"},"remove":[]}');
  const first = only(state);
  state = then(state, doubt(state, 1));
  state = then(state, freeze(state, 1, 5000));
  const { bytes, key, sends, sent_after } = only(state);
  assert.deepEqual(
    { bytes, key, sends, sent_after },
    { bytes: first.bytes, key: first.key, sends: 2, sent_after: 1000 },
  );
});

test('one_entry_of_a_record_is_on_its_way_and_few_in_all', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = queue(state, { seen: { goal: 'A' }, set: { goal: 'C' } });
  for (let id = 0; id < 2 * IN_FLIGHT; id++) state = queue(state, { id: `q${id}`, set: { goal: 'B' } });
  assert.deepEqual(sendable(state, new Set()), [1, 3, 4, 5]);
  assert.deepEqual(sendable(state, new Set([1, 3, 4, 5])), []);
  assert.deepEqual(sendable(state, new Set(), new Set([1])), [3, 4, 5, 6]);
});

test('the_number_advances_with_the_receipt_and_what_was_seen_does_not', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' }, version: 3 });
  state = then(state, freeze(state, 1, undefined));
  state = queue(state, { seen: { goal: 'B' }, set: { goal: 'C' }, version: 3, pending: 1 });
  state = queue(state, { kind: 'delete', version: 3, pending: 1 });
  state = then(state, acknowledge(state, 1, { version: 5 }, known(5, { goal: 'B' }), 's'));
  const [edit, deletion] = state.entries as [Entry, Entry];
  assert.deepEqual([edit.version, edit.seen, deletion.version], [5, { goal: 'B' }, 5]);
  assert.equal(state.session, 's');
});

test('a_deletion_by_a_tab_that_still_shows_the_edit_as_waiting_names_the_receipt', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' }, version: 3 });
  state = then(state, freeze(state, 1, undefined));
  state = then(state, acknowledge(state, 1, { version: 4 }, known(4, { goal: 'B' }), undefined));
  state = queue(state, { kind: 'delete', version: 3, pending: 1 });
  assert.equal(only(state).version, 4);
});

test('a_restoration_is_merged_on_the_version_that_its_author_was_shown', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' }, version: 3 });
  state = then(state, freeze(state, 1, undefined));
  state = queue(state, { kind: 'restore', version: 3, pending: 1 });
  // Another person has saved version 4.
  state = then(state, acknowledge(state, 1, { version: 5 }, known(5, { goal: 'B' }), undefined));
  assert.equal(only(state).version, 3);
  state = queue(state, { kind: 'restore', version: 3, pending: 1 });
  assert.equal(state.entries[1]?.version, 3, 'also by a tab that still shows the edit as waiting');
});

test('a_restoration_of_what_its_author_deletes_knows_of_the_deletion', () => {
  let state = queue(EMPTY, { kind: 'delete', version: 3 });
  state = then(state, freeze(state, 1, undefined));
  state = queue(state, { kind: 'restore', version: 3 });
  state = then(state, acknowledge(state, 1, { version: 4 }, known(4, null), undefined));
  assert.equal(only(state).version, 4);
});

test('an_answer_that_is_older_than_what_is_known_does_not_replace_it', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = then(state, learn(state, [known(9, { goal: 'Z' })]));
  assert.equal(learn(state, [known(8, { goal: 'Y' })]), undefined);
  state = then(state, freeze(state, 1, undefined));
  state = then(state, acknowledge(state, 1, { version: 4 }, known(4, { goal: 'B' }), undefined));
  assert.equal(state.records.get('prj/p1')?.version, 9);
});

test('an_answer_for_an_entry_that_is_not_there_is_ignored', () => {
  assert.equal(acknowledge(EMPTY, 1, { version: 4 }, known(4, {}), undefined), undefined);
  assert.equal(park(EMPTY, 1, NOT_FOUND), undefined);
});

test('an_edit_of_an_unsent_creation_becomes_part_of_it_and_its_deletion_removes_both', () => {
  let state = queue(EMPTY, { kind: 'create', set: { goal: 'A', note: 'n' }, version: 0 });
  state = queue(state, {
    seen: { goal: 'A', note: 'n' },
    set: { goal: 'B' },
    remove: ['note'],
    version: 0,
    pending: 1,
  });
  assert.deepEqual([only(state).kind, only(state).set, only(state).remove], ['create', { goal: 'B' }, []]);
  state = queue(state, { kind: 'delete', version: 0, pending: 1 });
  assert.deepEqual(state.entries, []);
});

test('an_edit_of_a_sent_creation_waits_for_its_receipt', () => {
  let state = queue(EMPTY, { kind: 'create', set: { goal: 'A' }, version: 0 });
  state = then(state, freeze(state, 1, undefined));
  state = queue(state, { seen: { goal: 'A' }, set: { goal: 'B' }, version: 0, pending: 1 });
  assert.deepEqual(sendable(state, new Set([1])), []);
  state = then(state, acknowledge(state, 1, { version: 1 }, known(1, { goal: 'A' }), undefined));
  assert.equal(only(state).version, 1);
});

test('what_follows_a_refused_creation_is_parked_with_it_and_sent_again_as_one', () => {
  let state = queue(EMPTY, { kind: 'create', set: { goal: 7 }, version: 0 });
  state = then(state, freeze(state, 1, undefined));
  state = queue(state, { seen: {}, set: { note: 'n' }, version: 0, pending: 1 });
  state = then(state, park(state, 1, { ...NOT_FOUND, code: 'invalid_body' }));
  assert.deepEqual(
    state.entries.map(({ state: of }) => of),
    ['parked', 'parked'],
  );
  state = queue(state, { seen: {}, set: { late: 1 }, version: 0, pending: 1 });
  assert.equal(find(state, 3)?.state, 'parked');
  assert.deepEqual(view(undefined, state.entries).value, { goal: 7, note: 'n', late: 1 });
  const again = replace(state, 1, wanted({ kind: 'create', set: { goal: 'A', note: 'n', late: 1 }, version: 0 }));
  state = then(state, again?.step);
  assert.deepEqual([only(state).kind, only(state).state, only(state).n], ['create', 'queued', 4]);
});

test('a_parked_entry_is_never_sent_and_what_follows_goes_on', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = then(state, freeze(state, 1, undefined));
  state = queue(state, { seen: { goal: 'B' }, set: { goal: 'C' } });
  state = then(state, park(state, 1, NOT_FOUND));
  assert.deepEqual(sendable(state, new Set()), [2]);
  assert.equal(freeze(state, 1, undefined), undefined);
  assert.equal(drop(state, 2), undefined, 'only what is parked can be dropped');
  assert.deepEqual(
    then(state, drop(state, 1)).entries.map(({ n }) => n),
    [2],
  );
});

test('a_refusal_after_a_request_without_an_answer_leaves_the_outcome_unknown', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = then(state, freeze(state, 1, undefined));
  state = then(state, doubt(state, 1));
  state = then(state, freeze(state, 1, undefined));
  state = then(state, park(state, 1, NOT_FOUND));
  assert.equal(only(state).problem?.outcome, 'unknown');
});

test('an_answer_of_success_counts_even_for_a_parked_entry', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  state = then(state, freeze(state, 1, undefined));
  state = then(state, park(state, 1, NOT_FOUND));
  state = then(state, acknowledge(state, 1, { version: 4 }, known(4, { goal: 'B' }), undefined));
  assert.deepEqual(state.entries, []);
});

test('what_an_earlier_run_was_sending_is_uncertain', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  assert.equal(recover(state), undefined);
  state = then(state, freeze(state, 1, undefined));
  state = then(state, recover(state));
  assert.deepEqual([only(state).state, only(state).unknown], ['uncertain', 1]);
});

test('an_entry_is_too_old_by_the_clock_of_the_server', () => {
  let state = queue(EMPTY, { seen: { goal: 'A' }, set: { goal: 'B' } });
  assert(!tooOld(only(state), CLAIM * 2));
  state = then(state, freeze(state, 1, 1000));
  assert(!tooOld(only(state), 1000 + CLAIM));
  assert(tooOld(only(state), 1001 + CLAIM));
  assert(!tooOld(only(state), undefined), 'the sender asks first, so this server tells no time');
});

test('the_view_shows_own_edits_on_the_newest_state', () => {
  const steps = (...texts: string[]): { id: string; text: string }[] =>
    texts.map((text) => ({ id: text[0] as string, text }));
  const before = { goal: 'A', tags: ['a', 'b'], steps: steps('1', '2'), place: { x: 1, y: 2 }, lines: [1, [2]] };
  const after = { goal: 'B', tags: ['b', 'mine'], steps: steps('1 mine', '3'), place: { x: 5, y: 2 }, lines: [[9]] };
  const server = {
    goal: 'Z',
    tags: ['a', 'b', 'theirs'],
    steps: steps('0', '1', '2'),
    place: { x: 1, y: 7 },
    lines: [1, [2], 3],
  };
  const state = queue(EMPTY, { seen: before, set: after });
  const { value, pending } = view(known(5, server), state.entries);
  assert.deepEqual(value, {
    goal: 'B',
    tags: ['b', 'mine', 'theirs'],
    steps: steps('0', '1 mine', '3'),
    place: { x: 5, y: 7 },
    lines: [[9]],
  });
  assert.equal(pending, 1);
  assert.equal(nameOf({ resource: 'prj', id: 'p1' }), 'prj/p1');
});

test('the_view_shows_an_own_order_that_nobody_else_has_changed', () => {
  const before = { tags: ['a', 'b'], steps: [{ id: '1', tags: ['x', 'y'] }] };
  const after = { tags: ['b', 'a'], steps: [{ id: '1', tags: ['y', 'x'] }] };
  const state = queue(EMPTY, { seen: before, set: after });
  assert.deepEqual(view(known(5, before), state.entries).value, after);
  const others = { tags: ['a', 'b', 'c'], steps: [{ id: '1', tags: ['x', 'y'], by: 'Bo' }] };
  const merged = { tags: ['a', 'b', 'c'], steps: [{ id: '1', tags: ['y', 'x'], by: 'Bo' }] };
  assert.deepEqual(view(known(6, others), state.entries).value, merged);
});
