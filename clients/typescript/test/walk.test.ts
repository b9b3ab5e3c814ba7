/** Random walks of the outbox's decisions. RIPPLE_WALKS: their number. RIPPLE_SEED: the first one's seed. */

import { test } from 'node:test';

import { Walk } from './walk/walk.ts';

const WALKS = Number(process.env.RIPPLE_WALKS ?? 3000);
const SEED = Number(process.env.RIPPLE_SEED ?? 1);
const STEPS = 80;

test('no_edit_is_lost_doubled_or_reordered_on_any_walk', () => {
  for (let seed = SEED; seed < SEED + WALKS; seed++) {
    try {
      const walk = new Walk(seed);
      for (let step = 0; step < STEPS; step++) walk.step();
      walk.finish();
    } catch (cause) {
      throw new Error(`RIPPLE_SEED=${seed}: ${String(cause)}`, { cause });
    }
  }
});
