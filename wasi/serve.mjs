// Serves the component under Node, as `wasmtime serve` does natively: `node wasi/serve.mjs COMPONENT [PORT]`.
// Transpiled by jco: each of its WASI imports becomes a call of Node's. Prints its URL once it listens.
//
// The component reads its resource files and their document from a folder, such as `deployment/function`, that RIPPLE_FILES
// names. Without it, they are those of this project.

import { mkdir, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { transpile } from "@bytecodealliance/jco-transpile";
import { _setPreopens as setPreopens } from "@bytecodealliance/preview2-shim/filesystem";
import { HTTPServer } from "@bytecodealliance/preview2-shim/http";

const [component, port = "0"] = process.argv.slice(2);
const BUILD = new URL("build/", import.meta.url);

const transpiled = await transpile(component, { name: "ripple", outDir: ".", emitTypescriptDeclarations: false });
await mkdir(BUILD, { recursive: true });
for (const [path, bytes] of Object.entries(transpiled.files)) {
  // A module by its name, whatever package.json says.
  await writeFile(new URL(basename(path).replace(/\.js$/, ".mjs"), BUILD), bytes);
}

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const files = process.env.RIPPLE_FILES;
setPreopens(files ? { "/": files } : { "/": here("../edge"), "/resources": here("../resources") });

const { incomingHandler } = await import(new URL("ripple.mjs", BUILD));
const server = new HTTPServer(incomingHandler);
server.listen(Number(port), "127.0.0.1");
console.log(`http://127.0.0.1:${server.address().port}`);
