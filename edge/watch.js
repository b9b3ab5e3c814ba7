// One data point of Analytics Engine for each answer, if wrangler.toml binds a dataset to WATCH.
// https://developers.cloudflare.com/analytics/analytics-engine/get-started/
//
//   index1, blob1  route: GET /prj/{prjid}        double1  number of answers in the point
//   blob2          status                         double2  milliseconds until the answer began
//   blob3          cache: hit, miss, request, …   double3  age in seconds, -1 without one
//   blob4          refresh: done, failed          double4  bytes of the body, -1 if unknown
//                                                 double5  1 if the list is too large to be held

import { NAMES } from "./resources.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const PATH = /^\w+:\/\/[^/?#]+([^?#]*)/;
const OF_ALL = ["", "/_changes", "/_batch", "/_ticket", "/_live"];
const PLAIN = [...NAMES.flatMap((name) => OF_ALL.map((rest) => `/${name}${rest}`)), "/health", "/docs", "/openapi.json"];
// Routes that are answered from the list.
const LISTED = NAMES.flatMap((name) => [`/${name}`, `/${name}/{${name}id}`]);
// Statuses of answers that have the list's age (core/src/http/edge.rs).
const TELLING = [200, 304, 404, 410];

// Answers that were ready are counted here and written at most once a second: a busy isolate writes one point for many.
const counts = new Map();
const PERIOD = 1000;
let written = 0;

export function route(method, url) {
  const path = PATH.exec(url)?.[1] || "/";
  let resource = path;
  if (!PLAIN.includes(path)) {
    const [, first, id, rest, version, ...more] = path.split("/");
    const record = `/${first}/{${first}id}`;
    if (!NAMES.includes(first) || !id || more.length > 0) resource = "other";
    else if (rest === undefined) resource = record;
    else if (rest !== "versions") resource = "other";
    else resource = version === undefined ? `${record}/versions` : `${record}/versions/{version}`;
  }
  return `${METHODS.includes(method) ? method : "other"} ${resource}`;
}

// Returns Cache-Status (RFC 9211) in two words: the source of the answer, and the result of a refresh that it waited for.
export function cache(status) {
  if (!status) return ["", ""];
  if (status.includes("detail=stale-if-error")) return ["hit", "failed"];
  const forwarded = /fwd=([\w-]+)/.exec(status);
  return forwarded ? [forwarded[1], "done"] : ["hit", ""];
}

function write(env, name, { status, headers, bytes }, answers, ms) {
  const [method, resource] = name.split(" ");
  const age = headers.get("age");
  const listed = ["GET", "HEAD"].includes(method) && LISTED.includes(resource) && TELLING.includes(status);
  env.WATCH.writeDataPoint({
    indexes: [name],
    blobs: [name, String(status), ...cache(headers.get("cache-status"))],
    doubles: [answers, ms, Number(age ?? -1), Number(bytes ?? headers.get("content-length") ?? -1), Number(listed && age === null)],
  });
}

function writeCounts(env, now) {
  if (now - written < PERIOD) return;
  written = now;
  for (const { answers, newest, name } of counts.values()) write(env, name, newest, answers, 0);
  counts.clear();
}

// Counts an answer that was ready. If the isolate ends, its counts since the last point are lost.
export function countAtOnce(env, url, { status, headers, bytes }, now) {
  const name = route("GET", url);
  const key = `${name} ${status}`;
  counts.set(key, { name, answers: (counts.get(key)?.answers ?? 0) + 1, newest: { status, headers, bytes } });
  writeCounts(env, now);
}

// Writes the point of an answer when it begins. Cloudflare counts the requests that get none.
export async function watched(env, { method, url }, answer, started) {
  const response = await answer;
  const now = Date.now();
  write(env, route(method, url), response, 1, now - started);
  writeCounts(env, now);
  return response;
}
