// The check that a cron trigger starts. Like a client of this worker, it saves a record through the origin and reads it
// back from the list. wrangler.toml has the trigger. docs/OPERATING.md, "The check", describes its settings.

const ID = "ripple-check";
const RECORD = {
  prj_id: ID,
  name: "ripple check",
  goal: "",
  issue: "It shows whether what is saved can be read",
  description: "The edge saves this record and reads it back. Nothing depends on it",
  term: 1,
  term_unit: "day",
  create_date: "2026-01-01",
};
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

async function saveAndRead(env, answer, trace, nonce) {
  const base = setting(env, "RIPPLE_EDGE_URL").replace(/\/+$/, "");
  const key = setting(env, "RIPPLE_CHECK_KEY");
  const headers = { "x-api-key": key, "content-type": "application/json", traceparent: `00-${trace}-${trace.slice(16)}-00` };
  const call = (method, path, more, body) => ask(answer, base, method, path, { ...headers, ...more }, body);

  let saved = await call("PATCH", `/prj/${ID}`, {}, { goal: nonce });
  // The record does not exist yet, or a person has deleted it.
  if ([404, 409, 410].includes(saved.status)) saved = await call("POST", "/prj", {}, { ...RECORD, goal: nonce });
  expect(saved, 200, 201);
  const session = { "ripple-session": saved.headers.get("ripple-session") ?? "" };

  const read = await call("GET", `/prj/${ID}`, session);
  expect(read, 200);
  if (read.told?.goal !== nonce) throw new Error(`${read.what} does not show what was saved`);
  const listed = await call("GET", `/prj?prj_id=${ID}`, session);
  expect(listed, 200);
  if (listed.told?.[0]?.goal !== nonce) throw new Error(`${listed.what} does not show what was saved`);
  const age = Number(listed.headers.get("age") ?? 0);
  if (age > OLDEST) throw new Error(`the list is ${age} seconds old`);
  return age;
}

// Logs one line, and throws if the check fails, so that the invocation counts as failed.
export async function check(env, answer) {
  const started = Date.now();
  const trace_id = crypto.randomUUID().replaceAll("-", "");
  const line = (outcome, more) =>
    JSON.stringify({ message: "checked", check: outcome, trace_id, duration_ms: Date.now() - started, ...more });
  try {
    const age = await saveAndRead(env, answer, trace_id, crypto.randomUUID());
    console.log(line("ok", { age }));
  } catch (error) {
    console.error(line("failed", { error: error.message }));
    throw error;
  }
}
