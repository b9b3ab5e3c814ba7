import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { forget, hot } from "./objects.js";

const START = 1_800_000_000_000;
let asked, replica, names = 0;

// A replica with one list, whose copy is `old` seconds old and stays fresh for five.
beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: START });
  asked = [];
  replica = { body: "[1]", tag: '"one"', old: 0, status: 200, keys: 0 };
});

afterEach(() => mock.timers.reset());

function request(path, headers = {}, method = "GET") {
  return new Request(`https://edge.example/${path}`, { method, headers });
}

// Returns the answer of the replica as edge/src/replica.rs asks for it.
function answer(raw) {
  return async (tag) => {
    tag ??= raw.headers.get("if-none-match");
    asked.push(tag);
    await replica.waits;
    const { status, body, old } = replica;
    const headers = { etag: replica.tag, age: String(old), "cache-status": `ripple; hit; ttl=${5 - old}`, "x-request-id": "asked" };
    headers["ripple-capacity"] = "read=2, write=0";
    if (replica.link) headers.link = replica.link;
    if (status === 200 && tag === replica.tag) return [new Response(null, { status: 304, headers }), replica.keys];
    headers["content-type"] = "application/json";
    return [new Response(body, { status, headers }), replica.keys];
  };
}

async function get(path, headers, method) {
  const raw = request(path, headers, method);
  const [response, keys] = await hot("prj", raw, "own", answer(raw));
  return { status: response.status, body: await response.text(), headers: response.headers, keys };
}

const fresh = () => `prj?q=${++names}`;

test("a fresh list is not asked for again, and tells its age", async () => {
  const path = fresh();
  const first = await get(path);
  mock.timers.tick(1_500);
  const second = await get(path);
  assert.deepEqual([first.body, second.body, asked.length], ["[1]", "[1]", 1]);
  assert.deepEqual(["age", "cache-status", "ripple-capacity"].map((name) => first.headers.get(name)), ["0", "ripple; hit; ttl=5", "read=2, write=0"]);
  assert.deepEqual(["age", "cache-status", "ripple-capacity"].map((name) => second.headers.get(name)), ["2", "ripple; hit; ttl=3", "read=0, write=0"]);
  assert.equal(second.headers.get("x-request-id"), "own");
  assert.equal(second.headers.get("content-type"), "application/json");
});

test("an older list is asked for by its tag, and does not cross again while it is the same", async () => {
  const path = fresh();
  await get(path);
  mock.timers.tick(5_001);
  Object.assign(replica, { body: "must not cross", keys: 3, link: '<prj?cursor=x>; rel="next"' });
  const same = await get(path);
  assert.deepEqual([same.status, same.body, same.keys, same.headers.get("age")], [200, "[1]", 3, "0"]);
  assert.equal(same.headers.get("link"), replica.link, "what the replica says now");
  Object.assign(replica, { body: "[2]", tag: '"two"' });
  assert.equal((await get(path)).body, "[1]");
  mock.timers.tick(5_001);
  assert.equal((await get(path)).body, "[2]");
  assert.deepEqual(asked, [null, '"one"', '"one"']);
});

test("the freshness is that of the copy and not of the answer", async () => {
  const path = fresh();
  replica.old = 4;
  await get(path);
  mock.timers.tick(900);
  await get(path);
  assert.equal(asked.length, 1);
  mock.timers.tick(200);
  await get(path);
  assert.equal(asked.length, 2);
});

test("a client that has the list is told so, whichever request fetched it", async () => {
  const path = fresh();
  const unknown = await get(path, { "if-none-match": '"one"' });
  assert.deepEqual([unknown.status, asked], [304, ['"one"']]);
  await get(path);
  for (const tag of ['"one"', 'W/"one"']) {
    const { status, body, headers } = await get(path, { "if-none-match": tag });
    assert.deepEqual([status, body, headers.get("content-type"), headers.get("etag")], [304, "", null, '"one"']);
  }
  assert.equal((await get(path, { "if-none-match": '"old"' })).body, "[1]");
  assert.equal(asked.length, 2);
  mock.timers.tick(5_001);
  assert.equal((await get(path, { "if-none-match": '"old"' })).body, "[1]");
  assert.equal(asked[2], '"one"');
});

test("what belongs to one request is asked for", async () => {
  const path = fresh();
  await get(path);
  const own = [{ "cache-control": "no-cache" }, { "ripple-session": "t" }, { "if-match": '"one"' }, { "if-none-match": "*" }];
  for (const headers of [...own, { "if-none-match": '"a", "b"' }]) await get(path, headers);
  await get(path, {}, "HEAD");
  assert.equal(asked.length, 7);
});

test("errors and other statuses are not kept", async () => {
  const path = fresh();
  replica.status = 400;
  for (let n = 0; n < 2; n++) assert.equal((await get(path)).status, 400);
  assert.equal(asked.length, 2);
  const raw = request(path);
  assert.equal(await hot("prj", raw, "own", async () => undefined), undefined);
  await assert.rejects(hot("prj", raw, "own", () => Promise.reject(new Error("away"))), /away/);
  replica.status = 200;
  assert.equal((await get(path)).body, "[1]");
});

test("requests wait for one answer, and two seconds at most", async () => {
  const path = fresh();
  let land;
  replica.waits = new Promise((done) => (land = done));
  const many = [get(path), get(path), get(path)];
  await Promise.resolve();
  assert.equal(asked.length, 1);
  land();
  assert.deepEqual((await Promise.all(many)).map(({ body }) => body), ["[1]", "[1]", "[1]"]);
  assert.equal(asked.length, 1);
  // The client of the first leaves, and its answer never comes.
  const other = fresh();
  replica.waits = new Promise(() => {});
  get(other);
  await Promise.resolve();
  const late = get(other);
  await Promise.resolve();
  replica.waits = undefined;
  mock.timers.tick(1_999);
  assert.equal(asked.length, 2);
  mock.timers.tick(1);
  assert.equal((await late).body, "[1]");
  // No request after it waits again.
  assert.equal((await get(other)).body, "[1]");
});

test("a known change forgets the lists of its resource, those under way too", async () => {
  const path = fresh();
  await get(path);
  replica.body = "[2]";
  forget("task");
  assert.equal((await get(path)).body, "[1]");
  forget("prj");
  let land;
  replica.waits = new Promise((done) => (land = done));
  const underway = get(path);
  await Promise.resolve();
  forget("prj");
  land();
  assert.equal((await underway).body, "[2]");
  replica.body = "[3]";
  assert.equal((await get(path)).body, "[3]");
});

test("64 lists and 16 MB are kept", async () => {
  const paths = Array.from({ length: 65 }, fresh);
  for (const path of paths) await get(path);
  await get(paths[64]);
  assert.equal(asked.length, 65);
  await get(paths[0]);
  assert.equal(asked.length, 66);
  replica.body = "x".repeat(6 * 1024 * 1024);
  const large = [fresh(), fresh(), fresh()];
  for (const path of large) assert.equal((await get(path)).body.length, replica.body.length);
  await get(large[2]);
  assert.equal(asked.length, 69);
  await get(large[0]);
  assert.equal(asked.length, 70);
});
