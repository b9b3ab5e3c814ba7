// The replica's objects, as an isolate asks them, and the lists that the isolate keeps of their answers. A list that has not
// changed does not cross the network again: the object is asked for it by its entity tag.
//
// wasm-bindgen takes this one file into the worker, so it imports nothing.

// The headers of the new request are chosen here: a client's headers do not reach the object, except those that the
// object uses.
const USED = ["cache-control", "if-match", "if-none-match", "origin", "prefer", "ripple-author", "ripple-session", "sec-websocket-protocol", "upgrade"];
// https://developers.cloudflare.com/durable-objects/reference/data-location/
const PLACES = { "us-west": "wnam", us: "enam", ca: "enam", sa: "sam", eu: "weur", ap: "apac", af: "afr", me: "me", il: "me" };
// How long an object may take, in milliseconds: longer than a refresh that it waits for. A request of changes may be held.
const PATIENCE = 15_000;
const HELD = 40_000;

// Returns the object of a resource. It stays where it is first asked for, near the table, so its name has the place.
function object(namespace, resource, region) {
  const place = PLACES[Object.keys(PLACES).find((prefix) => region.startsWith(prefix))];
  const name = place ? `${resource}@${place}` : resource;
  return namespace.get(namespace.idFromName(name), place && { locationHint: place });
}

// Tells a message of the feed to the object of a resource. Throws if it does not apply it.
export async function tell(namespace, resource, region, body, kind = "ripple-feed") {
  const headers = { "ripple-resource": resource, [kind]: "1" };
  const init = { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) };
  const answer = await object(namespace, resource, region).fetch("https://replica/", init);
  forget(resource);
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
}

// Tells the object of a resource what a write has written, behind the response. What it does not apply, the feed or the next
// refresh brings.
export function written(namespace, resource, region, answer, context) {
  const session = answer.headers.get("ripple-session");
  if (session) context.waitUntil(tell(namespace, resource, region, session, "ripple-written").catch(() => {}));
}

// Lets the object of a resource look a key up by its hash. Returns its record and the read units as JSON, or undefined if
// DynamoDB does not answer. Throws if the object is away.
export async function find_key(namespace, resource, region, hash) {
  const init = { headers: { "ripple-resource": resource, "ripple-key-hash": hash }, signal: AbortSignal.timeout(PATIENCE) };
  const answer = await object(namespace, resource, region).fetch("https://replica/", init);
  const text = await answer.text();
  if (answer.ok) return text;
  if (answer.status !== 504) throw new Error(`status ${answer.status}`);
}

// Returns the answer and how often keys lost rights, or undefined if the object cannot answer. Throws if it is away.
export function ask(namespace, resource, region, raw, key, id, trace, isList) {
  const headers = { "ripple-resource": resource, "ripple-key-id": key, "x-request-id": id, traceparent: trace };
  for (const name of USED) if (raw.headers.has(name)) headers[name] = raw.headers.get(name);
  if (raw.body && raw.headers.get("content-length") !== "0") headers["ripple-body"] = "1";
  const asked = async (tag) => {
    if (tag) headers["if-none-match"] = tag;
    // A signal would also end the socket.
    const signal = headers.upgrade ? undefined : AbortSignal.timeout(headers.prefer ? HELD : PATIENCE);
    const answer = await object(namespace, resource, region).fetch(raw.url, { method: raw.method, headers, signal });
    if (answer.webSocket) return [answer, -1];
    if (answer.status >= 500 && !answer.headers.has("ripple-keys")) throw new Error(`status ${answer.status}`);
    if (!answer.headers.has("ripple-keys")) return void (await answer.body?.cancel());
    const keys = Number(answer.headers.get("ripple-keys"));
    const response = new Response(answer.body, answer);
    response.headers.delete("ripple-keys");
    return [response, keys];
  };
  return isList ? hot(resource, raw, id, asked) : asked();
}

// The number of lists and their bytes. An isolate has 128 MB.
const LISTS = 64;
const BYTES = 16 * 1024 * 1024;
// How long the replica is not asked, in milliseconds, even if its answer stays fresh for longer. Its answers also tell of
// keys that lost rights.
const UNASKED = 5_000;
// How long a request waits for the answer to another one. If the client of that one leaves, it may never come.
const WAIT = 2_000;
// The size from which the runtime sends a body without a copy, if it is a Blob.
const LARGE = 16 * 1024;

// Headers that make an answer belong to one request.
const OWN = ["cache-control", "if-match", "prefer", "ripple-session"];
const TAG = /^(?:W\/)?("[^"]*")$/;
const TTL = /^ripple; (?:hit|fwd=[\w-]+(?:; stored)?); ttl=(-?\d+)$/;

// The lists by resource and address, the one that was used last at the end.
const lists = new Map();
const flights = new Map();
let bytes = 0;
// How often something was forgotten.
let forgotten = 0;

function drop(name) {
  bytes -= lists.get(name)?.size ?? 0;
  lists.delete(name);
}

function put(name, list) {
  drop(name);
  lists.set(name, list);
  bytes += list.size;
  for (const oldest of lists.keys()) {
    if (lists.size <= LISTS && bytes <= BYTES) break;
    drop(oldest);
  }
}

// Forgets the lists of a resource, of which a change is known.
export function forget(resource) {
  forgotten += 1;
  for (const name of lists.keys()) if (name.startsWith(`${resource} `)) drop(name);
}

// Returns the answer to a request for a list and how often keys lost rights, or undefined as `ask` does. `ask` asks the
// replica, with this entity tag in place of the client's if there is one.
export async function hot(resource, raw, id, ask) {
  const wanted = raw.headers.get("if-none-match");
  const own = raw.method !== "GET" || OWN.some((name) => raw.headers.has(name)) || (wanted && !TAG.test(wanted));
  if (own) return ask();
  const name = `${resource} ${raw.url}`;
  const flight = flights.get(name);
  if (flight) {
    let timer;
    await Promise.race([flight, new Promise((late) => (timer = setTimeout(late, WAIT)))]);
    clearTimeout(timer);
    // One that never ends holds up no other request.
    if (flights.get(name) === flight) flights.delete(name);
  }
  const list = lists.get(name);
  const since = Date.now() - list?.asked;
  // What another request has just been told is good for those that waited for it.
  if (since < UNASKED && (flight ? list.ttl !== undefined : since <= list.ttl * 1000)) return again(list, since, wanted, id);
  if (flight) return ask();
  const answer = fly(name, wanted, id, ask);
  const over = answer.catch(() => {});
  flights.set(name, over);
  try {
    return await answer;
  } finally {
    if (flights.get(name) === over) flights.delete(name);
  }
}

// Asks the replica, and keeps its answer if it is a list or says that the list has not changed.
async function fly(name, wanted, id, ask) {
  const [kept, before, asked] = [lists.get(name), forgotten, Date.now()];
  const answered = await ask(kept?.tag);
  if (!answered) return;
  const [answer, keys] = answered;
  const headers = new Headers(answer.headers);
  let { body, size } = kept ?? {};
  if (kept && answer.status === 304) {
    headers.set("content-type", kept.headers.get("content-type"));
  } else if (answer.status === 200) {
    body = await answer.arrayBuffer();
    size = body.byteLength;
    if (size >= LARGE) body = new Blob([body]);
  } else {
    return answered;
  }
  const ttl = TTL.exec(headers.get("cache-status"))?.[1];
  const list = { tag: headers.get("etag"), headers, body, size, ttl, asked, keys };
  if (before === forgotten && list.tag) put(name, list);
  return sent(list, headers, wanted, id);
}

// Returns a list for which the replica is not asked. The age was told in whole seconds, and is not told as less than it is.
function again(list, since, wanted, id) {
  const headers = new Headers(list.headers);
  headers.set("age", Math.floor((headers.get("age") * 1000 + 999 + since) / 1000));
  headers.set("cache-status", `ripple; hit; ttl=${Math.floor(list.ttl - since / 1000)}`);
  headers.set("ripple-capacity", "read=0, write=0");
  return sent(list, headers, wanted, id);
}

function sent({ tag, body, size, keys }, told, wanted, id) {
  const same = wanted && TAG.exec(wanted)[1] === tag;
  const head = new Headers(told);
  head.set("x-request-id", id);
  if (same) head.delete("content-type");
  head.delete("content-length");
  if (same) return [new Response(null, { status: 304, headers: head }), keys];
  return [Object.assign(new Response(body instanceof Blob ? body.stream() : body, { headers: head }), { bytes: size }), keys];
}
