// The module that the Workers runtime loads. `cargo xtask edge` writes ./build.
//
// `worker-build` would do the same with three proxies around each request.

import * as ripple from "./build/ripple_edge.js";
import { NAMES, SUMMARIES } from "./resources.js";
import { check } from "./check.js";
import { file } from "./files.js";
import { countAtOnce, watched } from "./watch.js";

const state = ripple.__worker_init_state();

ripple.set_resources(SUMMARIES);

// Replaces the memory that a panic has left behind. The next request gets a new instance.
function recover() {
  ripple.__wbg_reset_state();
  ripple.set_resources(SUMMARIES);
  state.criticalError = false;
}

// Notices a trap that no Rust code sees, such as an exhausted stack.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) state.criticalError = true;
});

const LIST = new RegExp(`^\\w+://[^/?#]+/(${NAMES.join("|")})$`);
// Headers that change what the list's answer is.
const MORE = ["cache-control", "if-match", "ripple-session"];

// Answers the most frequent request with a list that is ready. The headers are read here, because each read from Rust would
// be a call out of WebAssembly.
function listAtOnce({ method, url, headers }, context) {
  const resource = method === "GET" && LIST.exec(url)?.[1];
  if (!resource) return;
  const key = headers.get("x-api-key");
  if (key === null || MORE.some((name) => headers.has(name))) return;
  const [tag, coding, id] = ["if-none-match", "accept-encoding", "x-request-id"].map((name) => headers.get(name));
  const trace = headers.get("traceparent") ?? headers.get("x-amzn-trace-id");
  return ripple.list_at_once(resource, key, tag, coding, id, trace, context);
}

// Keeps an answer going if its client disconnects, because other clients may wait for the refresh that it makes. The runtime
// would end it otherwise.
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
    const begin = Date.now();
    const list = listAtOnce(request, context);
    if (list) {
      if (env.WATCH) countAtOnce(env, request.url, list, begin);
      return list;
    }
    const other = answer(request, env, context);
    return env.WATCH ? watched(env, request, other, begin) : other;
  },

  scheduled(_, env, context) {
    if (state.criticalError) recover();
    return check(env, (request) => answer(request, env, context));
  },
};
