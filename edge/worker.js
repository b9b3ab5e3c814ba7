// What the Workers runtime loads. `cargo xtask edge` writes what it imports.
//
// `worker-build` would put three proxies around each request to do the same.

import * as ripple from "./build/ripple_edge.js";
import { check } from "./check.js";
import { countAtOnce, watched } from "./watch.js";

const state = ripple.__worker_init_state();

// A panic leaves the memory as it was at that moment. The next request gets a new one.
function recover() {
  ripple.__wbg_reset_state();
  state.criticalError = false;
}

// A trap that no Rust code sees, such as an exhausted stack.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) state.criticalError = true;
});

const LIST = /^\w+:\/\/[^/?#]+\/prj$/;
// What else can be asked of the list.
const MORE = ["cache-control", "if-match", "ripple-session"];

// Answers the request that most are, with what is there already. Its headers are read here: each would be a call out of
// WebAssembly.
function listAtOnce({ method, url, headers }, now, context) {
  if (method !== "GET" || !LIST.test(url)) return;
  const key = headers.get("x-api-key");
  if (key === null || MORE.some((name) => headers.has(name))) return;
  const [tag, coding, id] = ["if-none-match", "accept-encoding", "x-request-id"].map((name) => headers.get(name));
  const trace = headers.get("traceparent") ?? headers.get("x-amzn-trace-id");
  return ripple.list_at_once(key, tag, coding, id, trace, now, context);
}

const FILE = /^\w+:\/\/[^/?#]+\/(docs|openapi\.json)$/;

// What is a file (edge/site), and asked for as one: whatever else is asked of it is the API's to answer.
function file(request, env) {
  if (["GET", "HEAD"].includes(request.method) && FILE.test(request.url)) return env.FILES.fetch(request);
}

// Whoever asked may go, and the runtime ends what was done for them alone. A refresh is for all who wait for it.
// https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
function toItsEnd(answer, context) {
  context.waitUntil(answer);
  return answer;
}

function answer(request, env, context) {
  return file(request, env) ?? toItsEnd(ripple.fetch(request, env, context), context);
}

export default {
  fetch(request, env, context) {
    if (state.criticalError) recover();
    const now = Date.now();
    const list = listAtOnce(request, now, context);
    if (list) {
      if (env.WATCH) countAtOnce(env, list, now);
      return list;
    }
    const other = answer(request, env, context);
    return env.WATCH ? watched(env, request, other, now) : other;
  },

  scheduled(_, env, context) {
    if (state.criticalError) recover();
    return check(env, (request) => answer(request, env, context));
  },
};
