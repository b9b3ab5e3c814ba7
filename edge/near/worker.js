// The module that the Workers runtime loads in front of a replica. `cargo xtask near` writes ./build.

import * as ripple from "./build/ripple_near.js";
import { SUMMARIES } from "../resources.js";
import { check } from "../check.js";
import { file } from "../files.js";
import { watched } from "../watch.js";

const state = ripple.__worker_init_state();

ripple.set_resources(SUMMARIES);

// Replaces the memory that a panic has left behind. The next request gets a new instance.
function recover() {
  if (!state.criticalError) return;
  ripple.__wbg_reset_state();
  ripple.set_resources(SUMMARIES);
  state.criticalError = false;
}

// Notices a trap that no Rust code sees, such as an exhausted stack.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) state.criticalError = true;
});

// Keeps an answer going if its client disconnects, because other clients may wait for the list that it asks for.
// https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
function answer(request, env, context) {
  const files = file(request, env);
  if (files) return files;
  const answered = ripple.fetch(request, env, context);
  context.waitUntil(answered);
  return answered;
}

export default {
  fetch(request, env, context) {
    recover();
    const begin = Date.now();
    const answered = answer(request, env, context);
    return env.WATCH ? watched(env, request, answered, begin) : answered;
  },

  scheduled(_, env, context) {
    recover();
    return check(env, (request) => answer(request, env, context));
  },
};
