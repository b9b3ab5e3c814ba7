// The Durable Object that holds a resource's whole table, and the module that the Workers runtime loads. `cargo xtask
// replica` writes ./build.
//
// Everything that changes the table is a synchronous call into ripple's core within a transaction, so a trap or an error
// rolls it back. What this file has is the object's events: requests, the alarm, and one refresh at a time.

import { DurableObject } from "cloudflare:workers";
import * as ripple from "./build/ripple_replica.js";
import { SUMMARIES } from "../edge/resources.js";

const state = ripple.__worker_init_state();

ripple.set_resources(SUMMARIES);

// How long a refresh may take, in milliseconds. A call into WebAssembly that was reset meanwhile never ends.
const REFRESH = 10_000;
// The same of an alarm: eight pages of a Scan.
const ALARM = 60_000;
// How long no refresh begins after one has failed.
const PAUSE = 5_000;
// The first and the longest pause after an alarm that failed.
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
// The memory of WebAssembly at which it is replaced between events. Objects share their isolate's 128 MB.
const MEMORY = 32 * 1024 * 1024;

// Notices a trap that no Rust code sees, such as an exhausted stack.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) state.criticalError = true;
});

// The calls under way. While there are any, the memory is not replaced, unless a trap has broken it.
let underway = 0;

// Calls ripple. After a trap, and when its memory has grown, it begins with new memory. Nothing is lost, since what
// belongs to an object is in its database.
async function call(work) {
  if (state.criticalError || (underway === 0 && ripple.memory_size() > MEMORY)) {
    ripple.__wbg_reset_state();
    ripple.set_resources(SUMMARIES);
    state.criticalError = false;
  }
  underway += 1;
  try {
    return await work();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
    throw error;
  } finally {
    underway -= 1;
  }
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("it takes too long")), milliseconds)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function log(level, message, more) {
  console[level](JSON.stringify({ message, memory: ripple.memory_size(), ...more }));
}

const nothing = () => new Response(null, { status: 404 });

export class Replica extends DurableObject {
  constructor(context, env) {
    super(context, env);
    this.storage = context.storage;
    this.flight = undefined;
    this.failed = 0;
    this.failures = 0;
    context.blockConcurrencyWhile(() => this.arm().catch(() => {}));
  }

  // Sets the alarm if the table wishes one and none is set: one that ran is used up, whatever became of it.
  async arm() {
    const wish = await call(() => ripple.wish_of(this.storage));
    if (wish !== undefined && (await this.storage.getAlarm()) === null) {
      await this.storage.setAlarm(Math.max(wish, Date.now() + this.pause()));
    }
  }

  pause() {
    return this.failures === 0 ? 0 : Math.min(FIRST_PAUSE * 2 ** (this.failures - 1), LONGEST_PAUSE);
  }

  // The edge is the only caller: the object has no route of its own.
  async fetch(request) {
    const resource = request.headers.get("ripple-resource");
    if (resource === null) return nothing();
    try {
      if (request.headers.has("ripple-feed")) {
        const message = new Uint8Array(await request.arrayBuffer());
        await call(() => ripple.hear(this.storage, this.env, resource, message));
        return new Response();
      }
      const refresh = () => this.refresh(resource);
      const failed = Date.now() < this.failed + PAUSE;
      const response = await call(() => ripple.answer(this.storage, this.env, resource, request, refresh, failed));
      return response ?? nothing();
    } finally {
      await this.arm();
    }
  }

  // One refresh at a time. All requests of an object share a context, so each may wait for it.
  refresh(resource) {
    this.flight ??= within(REFRESH, call(() => ripple.refresh(this.storage, this.env, resource)))
      .then(
        (read) => log("log", "refreshed", { resource, capacity_read: read }),
        (error) => {
          this.failed = Date.now();
          log("warn", "refresh failed", { resource, error: error.message });
          throw error;
        },
      )
      .finally(() => (this.flight = undefined));
    // A read that does not wait for it does not handle its failure either.
    this.flight.catch(() => {});
    return this.flight;
  }

  // It never throws: an alarm that keeps failing is given up by the runtime, and the table would never be filled.
  async alarm() {
    try {
      const resource = await call(() => ripple.resource_of(this.storage));
      if (resource === undefined) return;
      const read = await within(ALARM, call(() => ripple.tend(this.storage, this.env, resource)));
      this.failures = 0;
      log("log", "read on", { resource, capacity_read: read });
    } catch (error) {
      this.failures += 1;
      log("warn", "the table cannot be read", { error: error.message });
    }
    await this.arm().catch((error) => log("warn", "no alarm", { error: error.message }));
  }
}

// The script is reached by its binding alone.
export default { fetch: nothing };
