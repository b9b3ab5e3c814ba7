import assert from "node:assert/strict";
import { test } from "node:test";
import { keep, kept } from "./answers.js";

test("an answer is kept until the tables are in another state", () => {
  const [one, other] = [{}, {}];
  keep(one, "s1", "page", new Uint8Array([1]));
  assert.deepEqual(kept(one, "s1", "page"), new Uint8Array([1]));
  assert.equal(kept(other, "s1", "page"), undefined);
  assert.equal(kept(one, "s1", "another"), undefined);
  assert.equal(kept(one, "s2", "page"), undefined);
  assert.equal(kept(one, "s1", "page"), undefined, "nothing of another state comes back");
});

test("the 200 answers that were used last are kept", () => {
  const object = {};
  for (let n = 0; n < 200; n++) keep(object, "s", `q${n}`, new Uint8Array(1));
  assert.ok(kept(object, "s", "q0"));
  keep(object, "s", "q200", new Uint8Array(1));
  assert.ok(kept(object, "s", "q0") && kept(object, "s", "q200"));
  assert.equal(kept(object, "s", "q1"), undefined);
});

test("all answers together have at most four megabytes", () => {
  const [object, half] = [{}, 2 * 1024 * 1024];
  for (const name of ["a", "a", "b"]) keep(object, "s", name, new Uint8Array(half));
  assert.ok(kept(object, "s", "a") && kept(object, "s", "b"), "one that is replaced counts once");
  keep(object, "s", "c", new Uint8Array(1));
  assert.equal(kept(object, "s", "a"), undefined);
  assert.ok(kept(object, "s", "b") && kept(object, "s", "c"));
  keep(object, "s", "d", new Uint8Array(2 * half + 1));
  assert.equal(kept(object, "s", "d"), undefined, "a larger one is not kept at all");
});
