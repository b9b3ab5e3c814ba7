// The replica's objects, as an isolate asks them, and the lists that the isolate keeps of their answers. A list that has not
// changed does not cross the network again: the object is asked for it by its entity tag.
//
// wasm-bindgen takes this one file into the worker, so it imports nothing.

// The headers of the new request are chosen here: a client's headers do not reach the object, except those that the
// object uses.
const USED = ["cache-control", "if-match", "if-none-match", "origin", "prefer", "ripple-author", "ripple-session", "sec-websocket-protocol", "upgrade"];
// The place near each region of AWS, by the first prefix that fits: https://developers.cloudflare.com/durable-objects/reference/data-location/
const REGIONS = {
  "us-west": "wnam",
  "us-gov-west": "wnam",
  "ca-west": "wnam",
  us: "enam",
  ca: "enam",
  mx: "enam",
  sa: "sam",
  eu: "weur",
  "ap-southeast-2": "oc",
  "ap-southeast-4": "oc",
  "ap-southeast-6": "oc",
  ap: "apac",
  cn: "apac",
  af: "afr",
  me: "me",
  il: "me",
};
// The places, with a latitude and a longitude in degrees that is in the midst of each.
const PLACES = {
  wnam: [38, -120],
  enam: [40, -77],
  sam: [-20, -50],
  weur: [49, 4],
  eeur: [51, 21],
  apac: [20, 110],
  oc: [-34, 150],
  afr: [-10, 25],
  me: [25, 52],
};
const RADIAN = Math.PI / 180;
// The number of the protocol between an isolate and an object. Each call names it, and so does each answer. It rises when one
// of the two would misread the other. An object also serves the number before, since its script is deployed first.
export const PROTOCOL = 1;
// The header with the number.
const NUMBER = "ripple-protocol";
// How long an object may take, in milliseconds: longer than a refresh that it waits for. A request of changes may be held.
const PATIENCE = 15_000;
const HELD = 40_000;
// How long a request waits for what another one does. If the client of that one leaves, it may never end.
const WAIT = 2_000;

// Returns the places where each resource has an object: first the one near the table, or an empty text if none is known,
// then the further ones of a list between commas. Undefined if the list names another place.
export function places(region, further) {
  const first = REGIONS[Object.keys(REGIONS).find((prefix) => region.startsWith(prefix))] ?? "";
  const others = further.split(",").map((place) => place.trim()).filter((place) => place !== "");
  if (others.every((place) => Object.hasOwn(PLACES, place))) return [...new Set([first, ...others])];
}

// Returns which of the places is nearest to a client: the first one if the runtime does not know where the client is.
// https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties
export function nearest(places, raw) {
  const [north, east] = [raw.cf?.latitude, raw.cf?.longitude].map((degrees) => parseFloat(degrees) * RADIAN);
  let [best, closest] = [0, -Infinity];
  for (const [at, place] of places.entries()) {
    const [latitude, longitude] = (PLACES[place] ?? []).map((degrees) => degrees * RADIAN);
    // The cosine of the angle between the two. What is not known is closer than nothing.
    const cosine = Math.sin(north) * Math.sin(latitude) + Math.cos(north) * Math.cos(latitude) * Math.cos(east - longitude);
    if (cosine > closest) [best, closest] = [at, cosine];
  }
  return best;
}

async function patiently(underway) {
  let timer;
  await Promise.race([underway, new Promise((late) => (timer = setTimeout(late, WAIT)))]);
  clearTimeout(timer);
}

// Returns the name of the object that a resource has at a place. It stays where it is first asked for.
function named(resource, place) {
  return `${resource}@${place}`;
}

function object(namespace, resource, place) {
  const id = namespace.idFromName(place ? named(resource, place) : resource);
  return namespace.get(id, place ? { locationHint: place } : undefined);
}

// Returns an object's answer. Throws a RangeError if the object does not speak this protocol.
async function call(namespace, resource, place, url, init) {
  const headers = { ...init.headers, [NUMBER]: PROTOCOL };
  const answer = await object(namespace, resource, place).fetch(url, { ...init, headers });
  if (answer.headers.get(NUMBER) === String(PROTOCOL)) return answer;
  await answer.body?.cancel();
  answer.webSocket?.accept();
  answer.webSocket?.close(1012, "restart");
  throw new RangeError("the object does not speak this protocol");
}

// Returns an answer of the origin that says why no object has answered.
export function bypassed(answer, status) {
  const told = new Response(answer.body, answer);
  told.headers.set("cache-status", status);
  return told;
}

// Tells a message of the feed to the objects of a resource. Throws if one of them does not apply it.
export async function tell(namespace, resource, places, body) {
  const told = await Promise.allSettled(places.map((place) => post(namespace, resource, place, "ripple-feed", body)));
  for (const { status, reason } of told) if (status === "rejected") throw reason;
}

async function post(namespace, resource, place, kind, body) {
  const headers = { "ripple-resource": resource, [kind]: "1" };
  const init = { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) };
  try {
    const answer = await call(namespace, resource, place, "https://replica/", init);
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
  } finally {
    // The change is known, whether or not the object is away.
    forget(resource);
  }
}

// What the objects are being told of writes, by name.
const writes = new Map();

// Tells the objects of a resource what a write has written, behind the response. Reads of this isolate wait for it. What an
// object does not apply, the feed or the next refresh brings.
export function written(namespace, resource, places, answer, context) {
  const session = answer.headers.get("ripple-session");
  if (!session) return;
  for (const place of places) {
    const name = named(resource, place);
    const posted = post(namespace, resource, place, "ripple-written", session).catch(() => {});
    const told = Promise.all([writes.get(name), posted]).then(() => over(name, told));
    writes.set(name, told);
    context.waitUntil(told);
  }
}

// Lets no further read wait for what the object of this name was being told.
function over(name, told) {
  if (writes.get(name) === told) writes.delete(name);
}

// Lets the object of a resource look a key up by its hash. Returns its record and the read units as JSON, or undefined if
// DynamoDB does not answer. Throws if the object is away.
export async function find_key(namespace, resource, place, hash) {
  const init = { headers: { "ripple-resource": resource, "ripple-key-hash": hash }, signal: AbortSignal.timeout(PATIENCE) };
  const answer = await call(namespace, resource, place, "https://replica/", init);
  const text = await answer.text();
  if (answer.ok) return text;
  if (answer.status !== 504) throw new Error(`status ${answer.status}`);
}

// How often keys lost rights, as each object has said.
const losses = new Map();

// Returns the answer and whether keys have lost rights since the object last answered, or undefined if the object cannot
// answer. Throws if it is away.
export async function ask(namespace, resource, place, raw, key, id, trace, isList) {
  const name = named(resource, place);
  const told = writes.get(name);
  if (told) {
    await patiently(told);
    // One that never ends holds up no other read.
    over(name, told);
  }
  const headers = { "ripple-resource": resource, "ripple-key-id": key, "x-request-id": id, traceparent: trace };
  for (const name of USED) if (raw.headers.has(name)) headers[name] = raw.headers.get(name);
  if (raw.body && raw.headers.get("content-length") !== "0") headers["ripple-body"] = "1";
  const asked = async (tag) => {
    if (tag) headers["if-none-match"] = tag;
    // A signal would also end the socket.
    const signal = headers.upgrade ? undefined : AbortSignal.timeout(headers.prefer ? HELD : PATIENCE);
    const answer = await call(namespace, resource, place, raw.url, { method: raw.method, headers, signal });
    if (answer.webSocket) return [own(answer), false];
    if (answer.status >= 500 && !answer.headers.has("ripple-keys")) throw new Error(`status ${answer.status}`);
    if (!answer.headers.has("ripple-keys")) return void (await answer.body?.cancel());
    const [lost, before] = [Number(answer.headers.get("ripple-keys")), losses.get(name)];
    losses.set(name, lost);
    return [own(answer), before < lost];
  };
  return isList ? hot(name, raw, id, asked) : asked();
}

// Returns an answer without what only the isolate is told.
function own(answer) {
  const response = new Response(answer.body, answer);
  for (const name of ["ripple-keys", NUMBER]) response.headers.delete(name);
  return response;
}

// The number of lists and their bytes. An isolate has 128 MB.
const LISTS = 64;
const BYTES = 16 * 1024 * 1024;
// How long the replica is not asked, in milliseconds, even if its answer stays fresh for longer. Its answers also tell of
// keys that lost rights.
const UNASKED = 5_000;
// The size from which the runtime sends a body without a copy, if it is a Blob.
const LARGE = 16 * 1024;

// Headers that make an answer belong to one request.
const OWN = ["cache-control", "if-match", "prefer", "ripple-session"];
const TAG = /^(?:W\/)?("[^"]*")$/;
const TTL = /^ripple; (?:hit|fwd=[\w-]+(?:; stored)?); ttl=(-?\d+)$/;
// The same in an answer of any kind, such as that of a copy which could not be refreshed.
const LEFT = /; ttl=(-?\d+)/;

// The lists by object and address, the one that was used last at the end.
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
  for (const name of lists.keys()) if (name.startsWith(named(resource, ""))) drop(name);
}

// Returns the answer to a request for a list and whether keys have lost rights, or undefined as `ask` does. `ask` asks the
// object of this name, with this entity tag in place of the client's if there is one.
export async function hot(name, raw, id, ask) {
  const wanted = raw.headers.get("if-none-match");
  if (isOwn(raw, wanted)) return ask();
  const address = `${name} ${raw.url}`;
  const flight = flights.get(address);
  if (flight) {
    await patiently(flight);
    // One that never ends holds up no other request.
    if (flights.get(address) === flight) flights.delete(address);
  }
  const list = lists.get(address);
  const since = Date.now() - list?.asked;
  // What another request has just been told is good for those that waited for it.
  if (since < UNASKED && (flight ? list.ttl !== undefined : since <= list.ttl * 1000)) return [again(list, since, wanted, id), false];
  if (flight) return ask();
  const answer = fly(address, wanted, id, ask);
  const over = answer.catch(() => {});
  flights.set(address, over);
  try {
    return await answer;
  } finally {
    if (flights.get(address) === over) flights.delete(address);
  }
}

// Reports whether the answer to a request may be another one than a list that is kept.
function isOwn(raw, wanted) {
  return raw.method !== "GET" || OWN.some((name) => raw.headers.has(name)) || (wanted && !TAG.test(wanted));
}

// Returns a list that is kept, for when neither the replica nor the origin answers (stale-if-error of RFC 5861). Returns
// undefined if there is none, or if it is older than this number of seconds.
export function held(resource, place, raw, id, oldest) {
  const wanted = raw.headers.get("if-none-match");
  const list = lists.get(`${named(resource, place)} ${raw.url}`);
  if (!list?.left || isOwn(raw, wanted)) return;
  const answer = again(list, Date.now() - list.asked, wanted, id);
  answer.headers.set("cache-status", `${answer.headers.get("cache-status")}; detail=stale-if-error`);
  if (Number(answer.headers.get("age")) <= oldest) return answer;
}

// Asks the replica, and keeps its answer if it is a list or says that the list has not changed.
async function fly(address, wanted, id, ask) {
  const [kept, before, asked] = [lists.get(address), forgotten, Date.now()];
  const answered = await ask(kept?.tag);
  if (!answered) return;
  const [answer, lost] = answered;
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
  const status = headers.get("cache-status");
  const [ttl, left] = [TTL, LEFT].map((part) => part.exec(status)?.[1]);
  const list = { tag: headers.get("etag"), headers, body, size, ttl, left, asked };
  if (before === forgotten && list.tag) put(address, list);
  return [sent(list, headers, wanted, id), lost];
}

// Returns a list for which the replica is not asked. The age was told in whole seconds, and is not told as less than it is.
function again(list, since, wanted, id) {
  const headers = new Headers(list.headers);
  headers.set("age", Math.floor((headers.get("age") * 1000 + 999 + since) / 1000));
  headers.set("cache-status", `ripple; hit; ttl=${Math.floor(list.left - since / 1000)}`);
  headers.set("ripple-capacity", "read=0, write=0");
  return sent(list, headers, wanted, id);
}

function sent({ tag, body, size }, told, wanted, id) {
  const same = wanted && TAG.exec(wanted)[1] === tag;
  const head = new Headers(told);
  head.set("x-request-id", id);
  if (same) head.delete("content-type");
  head.delete("content-length");
  if (same) return new Response(null, { status: 304, headers: head });
  return Object.assign(new Response(body instanceof Blob ? body.stream() : body, { headers: head }), { bytes: size });
}
