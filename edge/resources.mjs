// Writes edge/build/resources.js: the resource files as string literals, which the worker hands to WebAssembly.
//
//   node edge/resources.mjs [DIR]    DIR is ./resources unless it is given
//
// wrangler could import JSON, but esbuild rounds long numbers and keeps the last of repeated names.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = process.argv[2] ?? process.env.RIPPLE_RESOURCES ?? join(root, "resources");
const names = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort();
if (names.length === 0) throw new Error(`${folder} has no resource file`);

// The core checks the files at the first request, and says what is wrong with them in the log. Only what cannot be a
// text is refused here.
const files = names.map((name) => {
  const path = join(folder, name);
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file`);
  return [name, new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path))];
});

const text = `// Made by edge/resources.mjs.\nexport const FILES = ${JSON.stringify(files)};\n`;
const made = join(root, "edge/build/resources.js");
mkdirSync(dirname(made), { recursive: true });
writeFileSync(made, text);
