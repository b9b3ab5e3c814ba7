// The Durable Object that holds a resource's whole table, and the module that the Workers runtime loads. `cargo xtask
// replica` writes ./build.
//
// Everything that changes the table is a synchronous call into ripple's core within a transaction, so a trap or an error
// rolls it back. What this file has is the object's events: requests, sockets, the alarm, and one refresh at a time.

import { DurableObject } from "cloudflare:workers";
import * as ripple from "./build/ripple_replica.js";
import { idle, lose, run } from "./calls.js";
import { SUMMARIES } from "../edge/resources.js";

const state = ripple.__worker_init_state();

ripple.set_resources(SUMMARIES);

// How long a refresh may take, in milliseconds.
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

// The header with the number of the protocol between an isolate and an object, and the numbers that are served: that of
// ../edge/near/objects.js, and the one before, since this script is deployed first. A request without a number has 0.
const NUMBER = "ripple-protocol";
const SERVED = [0, 1];

// The length of a text of a client that is passed on. A longer one is refused by it.
const FRAME = 1024;
const PROTOCOL = "ripple.v1";
// The header of an answer that may be held, with the time in milliseconds.
const WAIT = "ripple-wait";
// How often the table is refreshed while requests are held.
const PULSE = 5_000;
// The number of held requests at once, and after how many seconds a client may ask again while there are as many.
const WAITERS = 200;
const TOO_MANY = 5;
// The number of sockets that one call is given. A call takes up to 80 KB of memory for each: 16 KB of changes, which are
// copied on their way. So it takes the same memory for any number of sockets. Only the readers of the records whose readers
// have just changed are together in one call.
const GROUP = 100;

// Notices a trap that no Rust code sees, such as an exhausted stack.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) state.criticalError = true;
});

// Calls ripple. After a trap, and when its memory has grown and no other call is under way, it begins with new memory.
// Nothing is lost, since what belongs to an object is in its database.
async function call(work) {
  if (state.criticalError || (idle() && ripple.memory_size() > MEMORY)) {
    ripple.__wbg_reset_state();
    ripple.set_resources(SUMMARIES);
    state.criticalError = false;
    lose();
  }
  try {
    return await run(work);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
    throw error;
  }
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("it takes too long")), milliseconds)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const nothing = () => new Response(null, { status: 404 });

export class Replica extends DurableObject {
  constructor(context, env) {
    super(context, env);
    this.context = context;
    this.storage = context.storage;
    this.flight = undefined;
    this.failed = 0;
    this.failures = 0;
    this.rooms = "";
    // The number of open sockets, or undefined: then they are counted.
    this.open = undefined;
    this.holding = 0;
    // How often something was told, for requests that are held.
    this.told = 0;
    this.listeners = new Set();
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    context.blockConcurrencyWhile(() => this.arm().catch(() => {}));
  }

  // The name of the object is that of its resource, and of its place.
  log(level, message, more) {
    console[level](JSON.stringify({ message, object: this.context.id.name, memory: ripple.memory_size(), ...more }));
  }

  // Sets the alarm if the table wishes an earlier one than is set. An alarm that ran is used up, even if it failed.
  async arm() {
    const wish = await call(() => ripple.alarm_of(this.storage, this.count() > 0));
    if (wish === undefined) return;
    const at = Math.max(wish, Date.now() + this.pause());
    const set = await this.storage.getAlarm();
    if (set === null || at < set) await this.storage.setAlarm(at);
  }

  pause() {
    return this.failures === 0 ? 0 : Math.min(FIRST_PAUSE * 2 ** (this.failures - 1), LONGEST_PAUSE);
  }

  // The edge is the only caller: the object has no route of its own. An isolate of a protocol that it does not
  // serve is told the newest one.
  async fetch(request) {
    const number = Number(request.headers.get(NUMBER));
    const isServed = SERVED.includes(number);
    const answer = isServed ? await this.answer(request) : new Response(null, { status: 501 });
    if (number !== 0) answer.headers.set(NUMBER, isServed ? number : SERVED.at(-1));
    return answer;
  }

  async answer(request) {
    const resource = request.headers.get("ripple-resource");
    if (resource === null) return nothing();
    try {
      if (request.headers.has("ripple-feed")) {
        const message = new Uint8Array(await request.arrayBuffer());
        this.close(await call(() => ripple.hear(this.storage, this.env, resource, message)));
        return new Response();
      }
      if (request.headers.has("ripple-written")) {
        const session = await request.text();
        await call(() => ripple.read_written(this.storage, this.env, resource, session));
        return new Response();
      }
      const hash = request.headers.get("ripple-key-hash");
      if (hash !== null) return await this.key(resource, hash);
      const ask = () => {
        const failed = Date.now() < this.failed + PAUSE;
        return call(() => ripple.answer(this.storage, this.env, resource, request, this, failed));
      };
      const answer = (await (request.headers.has("prefer") ? this.held(ask) : ask())) ?? nothing();
      return await this.withFeed(answer, request);
    } finally {
      await this.tell();
      await this.arm();
    }
  }

  // Says whether the feed is silent to who asks past all caches, as `ripple doctor` does. No isolate keeps that answer.
  async withFeed(answer, request) {
    const status = answer.headers.get("cache-status");
    const isAsked = status !== null && request.headers.get("cache-control")?.includes("no-cache");
    if (isAsked && (await call(() => ripple.silent_since(this.storage))) !== undefined) {
      answer.headers.set("cache-status", `${status}; detail=feed-silent`);
    }
    return answer;
  }

  // Looks a key up. The status tells DynamoDB's failure from the object's.
  async key(resource, hash) {
    try {
      return new Response(await call(() => ripple.find_key(this.storage, this.env, resource, hash)));
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      this.log("warn", "a key was not looked up", { error: error.message });
      return new Response(null, { status: 504 });
    }
  }

  // One refresh at a time. All requests of an object share a context, so each may wait for it.
  refresh() {
    this.flight ??= within(REFRESH, call(() => ripple.refresh(this.storage, this.env, this.resource())))
      .then(
        (read) => this.report("refreshed", read),
        (error) => {
          this.failed = Date.now();
          this.log("warn", "refresh failed", { error: error.message });
          throw error;
        },
      )
      .finally(() => {
        this.flight = undefined;
        return this.tell();
      });
    // A read that does not wait for it does not handle its failure either.
    this.flight.catch(() => {});
    return this.flight;
  }

  // Logs the read units of a step, and the rows of SQLite since the last one.
  report(message, read) {
    const [rows_read, rows_written] = ripple.rows_of(this.storage);
    this.log("log", message, { capacity_read: read, rows_read, rows_written });
    const since = ripple.silent_since(this.storage);
    if (since !== undefined) this.log("warn", "the feed does not tell of changes", { since });
  }

  // It never throws: an alarm that keeps failing is given up by the runtime, and the table would never be filled.
  async alarm() {
    try {
      const resource = this.resource();
      // Without a table there is nothing to tell, and no key to look up. The clients come back.
      if (resource === undefined) return this.sockets().forEach((socket) => end(socket, 1012, "restart"));
      const read = await within(ALARM, call(() => ripple.tend(this.storage, this.env, resource)));
      this.failures = 0;
      if (read > 0) this.report("read on", read);
    } catch (error) {
      this.failures += 1;
      this.log("warn", "the table cannot be read", { error: error.message });
    }
    await this.look().catch((error) => this.log("warn", "the sockets are not looked after", { error: error.message }));
    await this.tell();
    await this.arm().catch((error) => this.log("warn", "no alarm", { error: error.message }));
  }

  // Holds a request of changes until there is one that its client lacks, or its time is over.
  async held(ask) {
    let told = this.told;
    let answer = await ask();
    if (!answer?.headers.has(WAIT)) return answer;
    // Requests that arrive at once are counted one by one, since nothing is awaited in between.
    if (this.holding >= WAITERS) return refused(answer);
    const end = Date.now() + Number(answer.headers.get(WAIT));
    this.holding += 1;
    // Without the feed, nothing else tells of changes.
    this.pulse ??= setInterval(() => this.refresh().catch(() => {}), PULSE);
    try {
      while (answer?.headers.has(WAIT) && Date.now() < end) {
        await answer.body?.cancel();
        if (told === this.told) await this.news(end - Date.now());
        told = this.told;
        answer = await ask();
      }
    } finally {
      this.holding -= 1;
      if (this.holding === 0) this.pulse = clearInterval(this.pulse);
    }
    return answer && unheld(answer);
  }

  // Resolves when something was committed, or the time is over.
  news(milliseconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.listeners.add(done);
    });
  }

  resource() {
    return (this.name ??= ripple.resource_of(this.storage));
  }

  sockets() {
    const sockets = this.context.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN);
    this.open = sockets.length;
    return sockets;
  }

  // Each request asks for the number, so the sockets are not counted each time.
  count() {
    return this.open ?? this.sockets().length;
  }

  // Notes that a socket has closed. It may have been left out of the number already, so the sockets are counted again.
  left() {
    this.open = undefined;
  }

  // Accepts a socket in the event in which its ticket is used.
  accept(outcome, key) {
    const [client, server] = Object.values(new WebSocketPair());
    const { close, send, keep } = JSON.parse(outcome);
    if (close.length > 0) {
      server.accept();
      server.close(close[0][1], close[0][2]);
    } else {
      this.context.acceptWebSocket(server, [`k:${key}`]);
      if (this.open !== undefined) this.open += 1;
      this.carryOut({ close, send, keep, rooms: this.rooms, presence: null }, [server]);
    }
    return new Response(null, { status: 101, webSocket: client, headers: { "sec-websocket-protocol": PROTOCOL } });
  }

  // Does what the core has decided. The first number of each entry is the place of a socket.
  carryOut({ close, send, keep, rooms, presence }, sockets) {
    for (const [at, text] of keep) sockets[at].serializeAttachment(text);
    for (const [at, text] of send) attempt(() => sockets[at].send(text));
    for (const [at, code, reason] of close) end(sockets[at], code, reason);
    this.rooms = rooms;
    if (presence === null) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.meet().catch((error) => this.log("warn", "no presence", { error: error.message }));
    }, Math.max(presence - Date.now(), 0));
  }

  // Does work for all sockets, a group at a time.
  groups(work) {
    const all = this.sockets();
    for (let first = 0; first < all.length; first += GROUP) work(all.slice(first, first + GROUP));
  }

  // Asks the core about sockets.
  decided(event, sockets) {
    const kept = sockets.map((socket) => socket.deserializeAttachment() ?? "");
    return event(this.storage, this.env, this.resource(), kept, this.rooms);
  }

  // Runs an event of some sockets.
  some(event, sockets) {
    this.carryOut(JSON.parse(this.decided(event, sockets)), sockets);
  }

  // Runs an event of each socket.
  async everyone(event) {
    await call(() => this.groups((sockets) => this.some(event, sockets)));
  }

  // Tells sockets of each other's presence. The readers of a record are together in one call, so that each hears of all
  // others.
  async meet() {
    await call(() => {
      const readers = [];
      this.groups((sockets) => {
        for (const at of this.decided(ripple.readers, sockets)) readers.push(sockets[at]);
      });
      this.some(ripple.look_after, readers);
    });
  }

  // Runs an event of one socket.
  async one(socket, event, ...more) {
    await call(() => {
      const kept = socket.deserializeAttachment();
      if (kept === null) return;
      const outcome = event(this.storage, this.env, this.resource(), kept, this.rooms, ...more);
      this.carryOut(JSON.parse(outcome), [socket]);
    });
  }

  // Tells the sockets what was committed. What fails here is told with the next event.
  async tell() {
    try {
      const resource = this.resource();
      if (resource === undefined) return;
      const position = await call(() => ripple.position(this.storage));
      if (position === undefined || position === this.position) return;
      await this.everyone(ripple.tell);
      this.position = position;
      this.told += 1;
      for (const done of [...this.listeners]) done();
    } catch (error) {
      this.log("warn", "not told", { error: error.message });
    }
  }

  // Closes the sockets of keys.
  close(closings) {
    for (const [key, code, reason] of JSON.parse(closings)) {
      for (const socket of this.context.getWebSockets(`k:${key}`)) attempt(() => socket.close(code, reason));
    }
  }

  // Does what is due every ten seconds while sockets are open.
  async look() {
    const sockets = this.sockets();
    if (sockets.length === 0) return;
    await this.everyone(ripple.close_slow);
    await this.refresh().catch(() => {});
    const keys = new Set(sockets.flatMap((socket) => this.context.getTags(socket)));
    const ids = [...keys].map((tag) => tag.slice(2));
    const looked = call(() => ripple.look_up_keys(this.storage, this.env, this.resource(), ids));
    this.close(await within(REFRESH, looked));
  }

  async webSocketMessage(socket, message) {
    const text = typeof message === "string" ? message.slice(0, FRAME + 1) : "";
    try {
      await this.one(socket, ripple.received, text);
    } catch (error) {
      this.log("warn", "a frame was not taken", { error: error.message });
      end(socket, 1011, "fault");
    }
  }

  async webSocketClose(socket) {
    this.left();
    await this.one(socket, ripple.socket_closed).catch(() => {});
    // Its client waits for the confirmation of the close.
    attempt(() => socket.close());
  }

  async webSocketError(socket) {
    this.left();
    await this.one(socket, ripple.socket_closed).catch(() => {});
  }
}

// Returns an answer as its client gets it.
function unheld(answer) {
  const last = new Response(answer.body, answer);
  last.headers.delete(WAIT);
  return last;
}

// Returns an answer that is not held, since too many are.
function refused(answer) {
  const last = unheld(answer);
  last.headers.delete("preference-applied");
  last.headers.set("retry-after", TOO_MANY);
  return last;
}

// Closes a socket. What was kept of it does not count any more.
function end(socket, code, reason) {
  socket.serializeAttachment(null);
  attempt(() => socket.close(code, reason));
}

// The client may have left.
function attempt(work) {
  try {
    work();
  } catch {}
}

// The script is reached by its binding alone.
export default { fetch: nothing };
