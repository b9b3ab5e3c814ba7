import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { PROTOCOL, ask, find_key, forget, held, hot, nearest, places, tell, written } from "./objects.js";

const START = 1_800_000_000_000;
let asked, replica, names = 0;

// A replica with one list, whose copy is `old` seconds old and stays fresh for five.
beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: START });
  asked = [];
  replica = { body: "[1]", tag: '"one"', old: 0, status: 200, lost: false };
});

afterEach(() => mock.timers.reset());

function request(path, headers = {}, method = "GET") {
  return new Request(`https://edge.example/${path}`, { method, headers });
}

// Returns the answer of the replica, and whether keys have lost rights.
function answer(raw) {
  return async (tag) => {
    tag ??= raw.headers.get("if-none-match");
    asked.push(tag);
    await replica.waits;
    const { status, body, old } = replica;
    const headers = { etag: replica.tag, age: String(old), "cache-status": replica.status_text ?? `ripple; hit; ttl=${5 - old}`, "x-request-id": "asked" };
    headers["ripple-capacity"] = "read=2, write=0";
    if (replica.link) headers.link = replica.link;
    if (status === 200 && tag === replica.tag) return [new Response(null, { status: 304, headers }), replica.lost];
    headers["content-type"] = "application/json";
    return [new Response(body, { status, headers }), replica.lost];
  };
}

async function get(path, headers, method) {
  const raw = request(path, headers, method);
  const [response, lost] = await hot("prj@weur", raw, "own", answer(raw));
  return { status: response.status, body: await response.text(), headers: response.headers, lost };
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

test("a kept list answers with its age, up to an age, if object and origin are away", async () => {
  const path = fresh();
  const kept = (headers, oldest = 3600) => held("prj", "weur", request(path, headers), "own", oldest);
  assert.equal(kept(), undefined, "there is none yet");
  await get(path);
  mock.timers.tick(60_000);
  const answer = kept();
  assert.deepEqual([answer.status, await answer.text()], [200, "[1]"]);
  assert.deepEqual(["age", "cache-status"].map((name) => answer.headers.get(name)), ["60", "ripple; hit; ttl=-55; detail=stale-if-error"]);
  assert.equal(kept({ "if-none-match": '"one"' }).status, 304);
  for (const headers of [{ "ripple-session": "x" }, { "cache-control": "no-cache" }, { "if-match": '"one"' }]) assert.equal(kept(headers), undefined);
  assert.ok(kept({}, 60));
  assert.equal(kept({}, 59), undefined);
  forget("prj");
  assert.equal(kept(), undefined, "a change is known");
});

test("a list of a copy that could not be refreshed is kept too", async () => {
  const path = fresh();
  replica.old = 90;
  replica.status_text = "ripple; hit; ttl=-85; detail=stale-if-error";
  await get(path);
  mock.timers.tick(1_000);
  const answer = held("prj", "weur", request(path), "own", 3600);
  assert.deepEqual(["age", "cache-status"].map((name) => answer.headers.get(name)), ["91", "ripple; hit; ttl=-86; detail=stale-if-error"]);
});

test("an older list is asked for by its tag, and does not cross again while it is the same", async () => {
  const path = fresh();
  await get(path);
  mock.timers.tick(5_001);
  Object.assign(replica, { body: "must not cross", lost: true, link: '<prj?cursor=x>; rel="next"' });
  const same = await get(path);
  assert.deepEqual([same.status, same.body, same.lost, same.headers.get("age")], [200, "[1]", true, "0"]);
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
  assert.equal(await hot("prj@weur", raw, "own", async () => undefined), undefined);
  await assert.rejects(hot("prj@weur", raw, "own", () => Promise.reject(new Error("away"))), /away/);
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

test("an object stands near the table, and further ones at the places of a list", () => {
  const regions = { "eu-central-1": "weur", "us-gov-west-1": "wnam", "us-gov-east-1": "enam", "ap-southeast-1": "apac", "ap-southeast-2": "oc", "mx-central-1": "enam", "il-central-1": "me" };
  for (const [region, place] of Object.entries(regions)) assert.deepEqual(places(region, ""), [place]);
  assert.deepEqual(places("us-west-2", " apac, weur ,,wnam"), ["wnam", "apac", "weur"]);
  assert.deepEqual(places("xx-new-1", "oc"), ["", "oc"]);
  for (const list of ["europe", "weur;oc", "toString"]) assert.equal(places("us-east-1", list), undefined, list);
});

test("a client is answered by the nearest object", () => {
  const at = (latitude, longitude) => Object.assign(request("prj"), { cf: { latitude, longitude } });
  const all = ["enam", "wnam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"];
  const cities = {
    enam: at("40.71", "-74.01"),
    wnam: at("47.61", "-122.33"),
    sam: at("-23.55", "-46.63"),
    weur: at("51.51", "-0.13"),
    eeur: at("50.45", "30.52"),
    apac: at("35.68", "139.69"),
    oc: at("-36.85", "174.76"),
    afr: at("-1.29", "36.82"),
    me: at("25.28", "51.52"),
  };
  for (const [place, city] of Object.entries(cities)) assert.equal(all[nearest(all, city)], place);
  assert.equal(nearest(["weur", "apac"], cities.oc), 1);
  assert.equal(nearest(["", "apac"], cities.weur), 1, "an unknown place is no one's");
  for (const cf of [undefined, {}, { latitude: "", longitude: "" }]) {
    assert.equal(nearest(all, Object.assign(request("prj"), { cf })), 0, "an unknown client asks the first");
  }
});

// A namespace of objects. `answers` has what each answers, by name.
function objects(answers, protocol = PROTOCOL) {
  const told = [];
  const fetch = (name) => async (_, { headers, body }) => {
    assert.equal(headers["ripple-protocol"], PROTOCOL);
    told.push([name, body]);
    const answer = await answers[name]();
    if (protocol !== undefined) answer.headers.set("ripple-protocol", protocol);
    return answer;
  };
  const namespace = { idFromName: (name) => name, get: (name, options) => ({ fetch: fetch(name), options }) };
  return { namespace, told };
}

test("each object is told, also if another one is away", async () => {
  const ok = () => new Response();
  const { namespace, told } = objects({ "prj@weur": () => Promise.reject(new Error("away")), "prj@apac": ok });
  await assert.rejects(tell(namespace, "prj", ["weur", "apac"], "news"), /away/);
  assert.deepEqual(told, [["prj@weur", "news"], ["prj@apac", "news"]]);
});

test("each object counts for itself how often keys lost rights, and keeps lists of its own", async () => {
  const counts = { "prj@weur": 7, "prj@apac": 1 };
  const answer = (name) => () => {
    const headers = { "ripple-keys": String(counts[name]), etag: `"${name}"`, "cache-status": "ripple; hit; ttl=5" };
    return new Response(name, { headers });
  };
  const { namespace } = objects(Object.fromEntries(Object.keys(counts).map((name) => [name, answer(name)])));
  const path = fresh();
  const read = async (place) => {
    const [response, lost] = await ask(namespace, "prj", place, request(path), "key", "id", "", true);
    return [await response.text(), lost];
  };
  assert.deepEqual([await read("weur"), await read("apac")], [["prj@weur", false], ["prj@apac", false]]);
  mock.timers.tick(5_001);
  counts["prj@apac"] = 2;
  assert.deepEqual([await read("weur"), await read("apac"), await read("apac")], [["prj@weur", false], ["prj@apac", true], ["prj@apac", false]]);
});

test("a read waits until its object was told of a write, and two seconds at most", async () => {
  let told, list = "before";
  const answers = {
    "prj@weur": () => new Response(list, { headers: { "ripple-keys": "0", etag: `"${list}"`, "cache-status": "ripple; hit; ttl=5" } }),
    "prj@apac": () => new Promise(() => {}),
  };
  const { namespace } = objects(answers);
  const path = fresh();
  const read = async () => (await ask(namespace, "prj", "weur", request(path), "key", "id", "", true))[0].text();
  assert.equal(await read(), "before");
  const ofRead = answers["prj@weur"];
  const write = () => {
    answers["prj@weur"] = () => new Promise((done) => (told = () => done(new Response())));
    const saved = new Response(null, { headers: { "ripple-session": "token" } });
    written(namespace, "prj", ["weur", "apac"], saved, { waitUntil() {} });
    answers["prj@weur"] = ofRead;
  };
  write();
  list = "after";
  const waiting = read();
  told();
  assert.equal(await waiting, "after");
  // The client of a write leaves, and its object is never told.
  write();
  const late = read();
  mock.timers.tick(2_000);
  assert.equal(await late, "after");
  assert.equal(await read(), "after", "a later read does not wait again");
});

test("an answer of another protocol is not read, and its socket is closed", async () => {
  const closed = [];
  const socket = { accept() {}, close: (...why) => closed.push(why) };
  for (const protocol of [PROTOCOL - 1, PROTOCOL + 1, "", `${PROTOCOL}, ${PROTOCOL}`]) {
    for (const status of [200, 304, 404, 500]) {
      const answer = () => new Response(null, { status, headers: { "ripple-keys": "0", etag: '"x"' } });
      const { namespace } = objects({ "prj@weur": answer }, protocol);
      const calls = [
        () => ask(namespace, "prj", "weur", request(fresh()), "key", "id", "", true),
        () => ask(namespace, "prj", "weur", request("prj/1"), "key", "id", "", false),
        () => tell(namespace, "prj", ["weur"], "news"),
        () => find_key(namespace, "prj", "weur", "hash"),
      ];
      for (const each of calls) await assert.rejects(each(), RangeError);
    }
  }
  const opened = () => Object.assign(new Response(null), { webSocket: socket });
  const { namespace } = objects({ "prj@weur": opened }, PROTOCOL + 1);
  await assert.rejects(ask(namespace, "prj", "weur", request("prj/_live"), "key", "id", "", false), RangeError);
  assert.deepEqual(closed, [[1012, "restart"]]);
});

test("what an object says of protocol and keys reaches no client", async () => {
  const { namespace } = objects({ "prj@weur": () => new Response("[]", { headers: { "ripple-keys": "0" } }) });
  const [response] = await ask(namespace, "prj", "weur", request("prj/1"), "key", "id", "", false);
  assert.deepEqual([...response.headers.keys()], ["content-type"]);
});
