// The check that a cron trigger starts. Like a client of this worker, it saves a record of each resource through the origin,
// and reads it back from the list. wrangler.toml has the trigger. docs/OPERATING.md, "The check", describes its settings.

import { CHECKS } from "./resources.js";

// The member that each check sets. No schema refuses a member that it does not name.
const MEMBER = "ripple_check";
// The largest allowed age of the list, in seconds.
const OLDEST = 60;

function setting(env, name) {
  if (!env[name]) throw new Error(`${name} is not set`);
  return env[name];
}

// Sends a request to this worker. Error messages have the status and the code, and nothing from the request.
async function ask(answer, base, method, path, headers, body) {
  const init = { method, headers, body: body && JSON.stringify(body) };
  const response = await answer(new Request(base + path, init));
  const text = await response.text();
  const told = response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, told, what: `${method} ${path}` };
}

function expect({ status, told, what }, ...expected) {
  if (!expected.includes(status)) throw new Error(`${what} was answered with ${status} ${told?.code ?? ""}`.trim());
}

// Returns the age of the list.
async function saveAndRead(call, { path, key, record }, nonce) {
  const id = record[key];
  let saved = await call("PATCH", `${path}/${id}`, {}, { [MEMBER]: nonce });
  // The record does not exist yet, or a person has deleted it.
  if ([404, 409, 410].includes(saved.status)) saved = await call("POST", path, {}, { ...record, [MEMBER]: nonce });
  expect(saved, 200, 201);
  const session = { "ripple-session": saved.headers.get("ripple-session") ?? "" };

  const read = await call("GET", `${path}/${id}`, session);
  expect(read, 200);
  if (read.told?.[MEMBER] !== nonce) throw new Error(`${read.what} does not show what was saved`);
  const listed = await call("GET", `${path}?${encodeURIComponent(key)}=${id}`, session);
  expect(listed, 200);
  if (listed.told?.[0]?.[MEMBER] !== nonce) throw new Error(`${listed.what} does not show what was saved`);
  const age = Number(listed.headers.get("age") ?? 0);
  if (age > OLDEST) throw new Error(`the list is ${age} seconds old`);
  return age;
}

// Returns the age of the oldest list.
async function checkAll(env, answer, trace) {
  const base = setting(env, "RIPPLE_EDGE_URL").replace(/\/+$/, "");
  const key = setting(env, "RIPPLE_CHECK_KEY");
  if (!CHECKS.length) throw new Error("no resource can be checked");
  const headers = { "x-api-key": key, "content-type": "application/json", traceparent: `00-${trace}-${trace.slice(16)}-00` };
  const call = (method, path, more, body) => ask(answer, base, method, path, { ...headers, ...more }, body);
  let oldest = 0;
  for (const resource of CHECKS) oldest = Math.max(oldest, await saveAndRead(call, resource, crypto.randomUUID()));
  return oldest;
}

// Logs one line, and throws if the check fails, so that the invocation counts as failed.
export async function check(env, answer) {
  const started = Date.now();
  const trace_id = crypto.randomUUID().replaceAll("-", "");
  const line = (outcome, more) =>
    JSON.stringify({ message: "checked", check: outcome, trace_id, duration_ms: Date.now() - started, ...more });
  try {
    const age = await checkAll(env, answer, trace_id);
    console.log(line("ok", { age }));
  } catch (error) {
    console.error(line("failed", { error: error.message }));
    throw error;
  }
}
