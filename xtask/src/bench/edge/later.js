// ripple's edge worker with a clock that each request of /later moves on by a day, after which a full read is due. The
// answer is the size of WebAssembly's memory.
import { size } from "./memory.js";
import worker from "../../../../edge/worker.js";

const now = Date.now;
let days = 0;
Date.now = () => now() + days * 86_400_000;

export default {
  fetch(request, env, context) {
    if (!request.url.endsWith("/later")) return worker.fetch(request, env, context);
    days += 1;
    return new Response(String(size()));
  },
};
