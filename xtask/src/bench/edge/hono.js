// A well-written list behind an API key with Hono. The list is rendered and hashed once, and is in memory as bytes. A
// request costs a hash of its key, a comparison and a response.
//
// KEY: the key. LIST: the list, as JSON.
import { Hono } from "hono";

const encoder = new TextEncoder();
const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

let stored; // the hash of the key
let list;

const app = new Hono();

app.use("/prj", async (c, next) => {
  stored ??= await sha256(encoder.encode(c.env.KEY));
  const key = c.req.header("x-api-key");
  const known = key && crypto.subtle.timingSafeEqual(await sha256(encoder.encode(key)), stored);
  if (!known) return c.json({ message: "Forbidden" }, 403);
  await next();
});

app.get("/prj", async (c) => {
  if (!list) {
    const body = encoder.encode(c.env.LIST);
    list = { body, etag: `"${hex(await sha256(body))}"` };
  }
  c.header("etag", list.etag);
  c.header("cache-control", "private, no-cache");
  if (c.req.header("if-none-match") === list.etag) return c.body(null, 304);
  c.header("content-type", "application/json");
  return c.body(list.body);
});

export default app;
