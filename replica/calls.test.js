import assert from "node:assert/strict";
import { test } from "node:test";
import { idle, lose, run } from "./calls.js";

const never = () => new Promise(() => {});

test("a call gives its result or its error, and is over", async () => {
  assert.equal(await run(() => 1), 1);
  assert.equal(await run(async () => 2), 2);
  for (const fails of [async () => { throw new Error("late"); }, () => { throw new Error("at once"); }]) await assert.rejects(run(fails));
  assert.ok(idle());
});

test("calls whose memory is replaced end, and count no longer", async () => {
  const calls = [run(never), run(never)];
  assert.ok(!idle());
  lose();
  assert.ok(idle());
  for (const call of calls) await assert.rejects(call, { message: "the memory was replaced" });
  const next = run(never);
  assert.ok(!idle(), "those that have ended do not end a later one");
  lose();
  await assert.rejects(next);
});
