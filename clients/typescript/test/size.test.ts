/** The size of what a page loads. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const LIMIT = 8 * 1024;
const LIMIT_WITH_TABS = 9 * 1024;
const LIMIT_WITH_OUTBOX = 14 * 1024;

/** Returns the size of modules with all that they export, minified and gzipped. */
async function size(...modules: string[]): Promise<number> {
  const contents = modules.map((path) => `export * from './${path}';`).join('\n');
  const resolveDir = fileURLToPath(new URL('../src', import.meta.url));
  const options = { bundle: true, minify: true, format: 'esm', target: 'es2022', write: false } as const;
  const { outputFiles } = await build({ ...options, stdin: { contents, resolveDir, loader: 'ts' } });
  const [file] = outputFiles;
  assert(file);
  return gzipSync(file.contents, { level: 9 }).length;
}

test('the_client_is_small', async () => {
  const bytes = await size('index.ts');
  console.log(`the client: ${bytes} bytes`);
  assert(bytes < LIMIT, `${bytes} bytes`);
});

test('the_client_with_the_live_channel_is_small', async () => {
  const bytes = await size('index.ts', 'live.ts');
  console.log(`the client with the live channel: ${bytes} bytes`);
  assert(bytes < LIMIT, `${bytes} bytes`);
});

test('the_client_with_a_live_channel_for_all_tabs_is_small', async () => {
  const bytes = await size('index.ts', 'live.ts', 'tabs.ts');
  console.log(`the client with a live channel for all tabs: ${bytes} bytes`);
  assert(bytes < LIMIT_WITH_TABS, `${bytes} bytes`);
});

test('the_client_with_the_outbox_is_small', async () => {
  const bytes = await size('index.ts', 'outbox.ts', 'outbox/indexeddb.ts');
  console.log(`the client with the outbox: ${bytes} bytes`);
  assert(bytes < LIMIT_WITH_OUTBOX, `${bytes} bytes`);
});
