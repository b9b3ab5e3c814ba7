// The module that the Workers runtime loads. `cargo xtask edge` writes ./build.
//
// `worker-build` would do the same with three proxies around each request.

import * as ripple from "./build/ripple_edge.js";
import { NAMES } from "./resources.js";
import { worker } from "./module.js";

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

export default worker(ripple, listAtOnce);
