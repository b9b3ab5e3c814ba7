// Well-written records behind an API key, with Hono and a Durable Object. The object keeps each record as JSON in a row of
// SQLite, with the text that searches look through. It keeps the answers of searches until a record changes. The worker
// calls it by RPC.
//
// KEY: the key.
import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";

const encoder = new TextEncoder();
const sha256 = (text) => crypto.subtle.digest("SHA-256", encoder.encode(text));
const SEARCHES = 200;

// Returns the strings of a record, in lower case.
function textOf(value) {
  if (typeof value === "string") return value.toLowerCase();
  return value && typeof value === "object" ? Object.values(value).map(textOf).join("\n") : "";
}

export class Records extends DurableObject {
  constructor(context, env) {
    super(context, env);
    this.storage = context.storage;
    this.sql = context.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS record (id TEXT PRIMARY KEY, version INTEGER NOT NULL, json TEXT NOT NULL, text TEXT NOT NULL)");
    this.changes = 0;
    this.searches = new Map();
  }

  put(records) {
    this.storage.transactionSync(() => {
      for (const record of records) {
        const row = [record.prj_id, record.version, JSON.stringify(record), textOf(record)];
        this.sql.exec("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", ...row);
      }
    });
    this.changes += 1;
    this.searches.clear();
  }

  get(id) {
    const [row] = this.sql.exec("SELECT version, json FROM record WHERE id = ?", id);
    return row && { etag: `"${row.version}"`, body: row.json };
  }

  page(after, limit) {
    return this.list([...this.sql.exec("SELECT id, json FROM record WHERE id > ? ORDER BY id LIMIT ?", after, limit + 1)], limit);
  }

  search(q, limit) {
    const name = `${limit} ${q}`;
    let found = this.searches.get(name);
    if (!found) {
      const words = q.toLowerCase().split(/\s+/);
      const where = words.map(() => "instr(text, ?)").join(" AND ");
      found = this.list([...this.sql.exec(`SELECT id, json FROM record WHERE ${where} ORDER BY id LIMIT ?`, ...words, limit + 1)], limit);
      this.searches.set(name, found);
      if (this.searches.size > SEARCHES) this.searches.delete(this.searches.keys().next().value);
    }
    return found;
  }

  list(rows, limit) {
    const more = rows.length > limit;
    if (more) rows.pop();
    return { etag: `"${this.changes}"`, body: `[${rows.map(({ json }) => json).join()}]`, next: more ? rows.at(-1).id : undefined };
  }
}

let stored; // the hash of the key

const app = new Hono();
const records = (c) => c.env.RECORDS.getByName("prj");

app.use("/prj/*", async (c, next) => {
  stored ??= await sha256(c.env.KEY);
  const key = c.req.header("x-api-key");
  const known = key && crypto.subtle.timingSafeEqual(await sha256(key), stored);
  if (!known) return c.json({ message: "Forbidden" }, 403);
  await next();
});

function answer(c, { etag, body, next }) {
  c.header("etag", etag);
  c.header("cache-control", "private, no-cache");
  if (next) c.header("link", `<prj?limit=${c.req.query("limit")}&after=${encodeURIComponent(next)}>; rel="next"`);
  if (c.req.header("if-none-match") === etag) return c.body(null, 304);
  c.header("content-type", "application/json");
  return c.body(body);
}

app.get("/prj", async (c) => {
  const { q, after = "", limit = 100 } = c.req.query();
  return answer(c, await (q ? records(c).search(q, Number(limit)) : records(c).page(after, Number(limit))));
});

app.get("/prj/:id", async (c) => {
  const found = await records(c).get(c.req.param("id"));
  return found ? answer(c, found) : c.json({ message: "Not Found" }, 404);
});

app.post("/prj/load", async (c) => {
  await records(c).put(await c.req.json());
  return c.json({});
});

export default app;
