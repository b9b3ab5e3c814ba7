/**
 * Twenty clients with outboxes on a real ripple: a network that drops, doubles, delays and cuts, processes that are
 * killed and start again on the same files, and clocks that are moved.
 *
 * RIPPLE_EDITS: the number of edits. RIPPLE_SEED: the seed of what the authors, the network and the rig do.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEY, URL_OF_RIPPLE } from '../environment.ts';
import { run, type Settings } from './rig.ts';

const EDITS = Number(process.env.RIPPLE_EDITS ?? 10_000);
const SEED = Number(process.env.RIPPLE_SEED ?? 1);
const SETTINGS: Settings = {
  url: URL_OF_RIPPLE,
  key: KEY,
  seed: SEED,
  clients: 20,
  processes: 5,
  edits: EDITS,
  records: 60,
  kills: 4,
  faults: [0.1, 0.5],
};
/** A run that is long enough for each mistake to show many times. */
const SHORT: Settings = { ...SETTINGS, clients: 6, processes: 3, edits: 360, records: 3, kills: 4, faults: [0.4, 0.5] };

test('the_judge_finds_entries_that_are_removed_before_they_are_acknowledged', async () => {
  const { lost } = await run({ ...SHORT, seed: SEED + 1_000_000, mutant: 'forgets' });
  assert(lost.length > 0);
});

test('the_judge_finds_tries_with_keys_of_their_own', async () => {
  const { doubled } = await run({ ...SHORT, seed: SEED + 2_000_000, mutant: 'new_keys' });
  assert(doubled.length > 0);
});

test('no_edit_of_twenty_clients_is_lost_or_doubled_and_every_refusal_is_parked', async () => {
  const { lost, doubled, misplaced, disordered, untrue, ...counts } = await run(SETTINGS);
  console.log(JSON.stringify(counts));
  const wrong = { lost, doubled, misplaced, disordered, untrue };
  assert.deepEqual(wrong, { lost: [], doubled: [], misplaced: [], disordered: [], untrue: [] });
  assert.equal(counts.edits, EDITS);
  assert(counts.parked > 0 && counts.kills > 0);
});
