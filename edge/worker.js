// What the Workers runtime loads. `cargo xtask edge` writes what it imports.
//
// It is all JavaScript there is: `worker-build` would put three proxies around each request to do the same.

import * as ripple from "./build/ripple_edge.js";

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

export default {
  fetch(request, env, context) {
    if (state.criticalError) recover();
    return ripple.fetch(request, env, context);
  },
};
