// What each edge worker has around its module of WebAssembly: the site's files, new memory after a trap, the check and the
// points in Analytics Engine.

import { SUMMARIES } from "./resources.js";
import { check } from "./check.js";
import { file } from "./files.js";
import { countAtOnce, watched } from "./watch.js";

// Returns the worker of a module. `atOnce` returns an answer that is ready, or undefined if the module must be asked.
export function worker(ripple, atOnce) {
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

  // Keeps an answer going if its client disconnects, because other clients may wait for what it reads. The runtime would end
  // it otherwise.
  // https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
  function toItsEnd(answer, context) {
    context.waitUntil(answer);
    return answer;
  }

  function answer(request, env, context) {
    return file(request, env) ?? toItsEnd(ripple.fetch(request, env, context), context);
  }

  return {
    fetch(request, env, context) {
      if (state.criticalError) recover();
      const begin = Date.now();
      const ready = atOnce?.(request, context);
      if (ready) {
        if (env.WATCH) countAtOnce(env, request.url, ready, begin);
        return ready;
      }
      const other = answer(request, env, context);
      return env.WATCH ? watched(env, request, other, begin) : other;
    },

    scheduled(_, env, context) {
      if (state.criticalError) recover();
      return check(env, (request) => answer(request, env, context));
    },
  };
}
