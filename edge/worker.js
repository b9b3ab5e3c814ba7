// The module that the Workers runtime loads. `cargo xtask edge` writes the module that it imports.
//
// `worker-build` would generate similar code, but with three proxies around each request.

import * as ripple from "./build/ripple_edge.js";
import { check } from "./check.js";
import { countAtOnce, watched } from "./watch.js";

const state = ripple.__worker_init_state();

// A panic leaves the memory in an undefined state, so the next request gets a new instance.
function recover() {
  ripple.__wbg_reset_state();
  state.criticalError = false;
}

// Detects a trap that Rust code cannot see, such as an exhausted stack.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) state.criticalError = true;
});

const LIST = /^\w+:\/\/[^/?#]+\/prj$/;
// The headers that make a request for the list more than a plain one.
const MORE = ["cache-control", "if-match", "ripple-session"];

// Answers the most frequent request from the current state. Its headers are read here, since reading each one from
// WebAssembly would be a call.
function listAtOnce({ method, url, headers }, now, context) {
  if (method !== "GET" || !LIST.test(url)) return;
  const key = headers.get("x-api-key");
  if (key === null || MORE.some((name) => headers.has(name))) return;
  const [tag, coding, id] = ["if-none-match", "accept-encoding", "x-request-id"].map((name) => headers.get(name));
  const trace = headers.get("traceparent") ?? headers.get("x-amzn-trace-id");
  return ripple.list_at_once(key, tag, coding, id, trace, now, context);
}

const FILE = /^\w+:\/\/[^/?#]+\/(docs|openapi\.json)$/;

// Serves a file of edge/site for GET and HEAD. The API answers other methods.
function file(request, env) {
  if (["GET", "HEAD"].includes(request.method) && FILE.test(request.url)) return env.FILES.fetch(request);
}

// Completes an answer even if its client disconnects, when the runtime would end its work. Other requests may wait for
// the same refresh.
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
