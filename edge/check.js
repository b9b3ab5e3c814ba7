// The check that a cron trigger starts: it saves a record and reads it back, as a client of this worker does, so through the
// origin and out of the list. wrangler.toml has the trigger; docs/OPERATING.md, "The check", says what it needs.

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
// Seconds that the list may be old.
const OLDEST = 60;

function setting(env, name) {
  if (!env[name]) throw new Error(`${name} is not set`);
  return env[name];
}

// Asks this worker. What is wrong with its answer names the status and the code, and nothing that was sent.
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
  // Not made yet, or deleted by a person.
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

// Logs one line, and throws where the check fails: the invocation then counts as failed.
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
