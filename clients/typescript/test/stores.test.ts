/** Stores: commits are made together or not at all, and survive what happens to files and processes. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, test } from 'node:test';

import { FileStore } from '../src/outbox/file.ts';
import { MemoryStore } from '../src/outbox/memory.ts';
import type { Store } from '../src/outbox/store.ts';

const folders: string[] = [];
async function file(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ripple-outbox-'));
  folders.push(folder);
  return join(folder, 'outbox');
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const row = (n: number, text = `text ${n}`): { n: number; rev: number; text: string } => ({ n, rev: 1, text });

async function behaves(store: Store): Promise<void> {
  assert.deepEqual(await store.load(), { revision: 0, next: 1, rows: [], records: [], meta: undefined });
  assert(
    await store.commit(
      {
        put: [row(2), row(1)],
        next: 3,
        records: [
          ['prj/a', 'A'],
          ['prj/b', 'B'],
        ],
        meta: 'm',
        strict: true,
      },
      0,
    ),
  );
  assert.equal(await store.commit({ remove: [1], strict: true }, 0), false, 'the state has changed');
  assert(await store.commit({ put: [row(2, 'new')], remove: [1], forget: ['prj/a'], strict: false }, 1));
  assert.deepEqual(await store.load(), {
    revision: 2,
    next: 3,
    rows: [row(2, 'new')],
    records: [['prj/b', 'B']],
    meta: 'm',
  });
}

test('a_store_in_memory_makes_all_of_a_commit_or_nothing', async () => {
  const store = new MemoryStore();
  await behaves(store);
  assert.equal(store.durable, false);
});

test('a_store_in_a_file_makes_all_of_a_commit_or_nothing_and_keeps_it', async () => {
  const path = await file();
  const store = await FileStore.open(path);
  await behaves(store);
  const before = await store.load();
  await store.close();
  const again = await FileStore.open(path);
  assert.deepEqual(await again.load(), before);
  await again.close();
});

test('a_line_that_a_crash_cut_off_is_dropped', async () => {
  const path = await file();
  let store = await FileStore.open(path);
  await store.commit({ put: [row(1)], next: 2, strict: true }, 0);
  await store.close();
  const whole = (await stat(path)).size;
  const line = await readFile(path, 'utf8');
  for (const part of [line.slice(0, 9), line.slice(0, -1), `${line.slice(0, -4)}\n`, '\n']) {
    await appendFile(path, part);
    store = await FileStore.open(path);
    assert.deepEqual((await store.load()).rows, [row(1)]);
    await store.close();
    assert.equal((await stat(path)).size, whole);
  }
});

test('a_file_that_is_damaged_before_its_last_line_is_refused', async () => {
  const path = await file();
  const store = await FileStore.open(path);
  for (let n = 1; n < 3; n++) await store.commit({ put: [row(n)], next: n + 1, strict: true }, n - 1);
  await store.close();
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('text 1', 'text 9'));
  await assert.rejects(FileStore.open(path), /damaged at byte 0/);
  await writeFile(path, text);
  await (await FileStore.open(path)).close();
});

test('one_process_uses_a_file_and_the_lock_of_a_dead_one_is_removed', async () => {
  const path = await file();
  const store = await FileStore.open(path);
  await assert.rejects(FileStore.open(path), new RegExp(`process ${process.pid} uses`));
  await store.close();
  const dead = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => dead.on('exit', resolve));
  await writeFile(`${path}.lock`, String(dead.pid));
  await (await FileStore.open(path)).close();
});

test('a_file_is_written_anew_when_it_has_grown', async () => {
  const path = await file();
  const store = await FileStore.open(path);
  const text = 'x'.repeat(100_000);
  for (let revision = 0; revision < 30; revision++) {
    assert(await store.commit({ put: [row(1, `${text}${revision}`)], next: 2, strict: true }, revision));
  }
  const before = await store.load();
  assert((await stat(path)).size < 1_500_000);
  await store.close();
  const again = await FileStore.open(path);
  assert.deepEqual(await again.load(), before);
  await again.close();
});

test('what_was_committed_survives_a_killed_process', async () => {
  const path = await file();
  const program = `
    import { FileStore } from ${JSON.stringify(new URL('../src/outbox/file.ts', import.meta.url).href)};
    const store = await FileStore.open(${JSON.stringify(path)});
    for (let n = 1; ; n++) {
      await store.commit({ put: [{ n, rev: 1, text: 'text ' + n }], next: n + 1, strict: true }, n - 1);
      console.log(n);
    }`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  let told = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    told = Number(line);
    if (told === 20) child.kill('SIGKILL');
  }
  await ended;
  const store = await FileStore.open(path);
  const { rows, revision } = await store.load();
  assert(rows.length >= told && told >= 20, `${rows.length} rows, ${told} told`);
  assert.deepEqual(
    rows,
    rows.map((_, place) => row(place + 1)),
  );
  assert.equal(revision, rows.length);
  await store.close();
});

test('a_commit_that_fails_leaves_the_file_as_it_was', { skip: process.platform !== 'linux' }, async () => {
  const path = await file();
  const store = await FileStore.open(path);
  await store.commit({ put: [row(1)], next: 2, strict: true }, 0);
  const prototype = Object.getPrototypeOf(await openForPrototype(path)) as { datasync(): Promise<void> };
  const { datasync } = prototype;
  prototype.datasync = () => Promise.reject(new Error('ENOSPC'));
  try {
    await assert.rejects(store.commit({ put: [row(2)], next: 3, strict: true }, 1), /ENOSPC/);
  } finally {
    prototype.datasync = datasync;
  }
  assert(await store.commit({ put: [row(2, 'again')], next: 3, strict: true }, 1));
  await store.close();
  const again = await FileStore.open(path);
  assert.deepEqual((await again.load()).rows, [row(1), row(2, 'again')]);
  await again.close();
});

async function openForPrototype(path: string): Promise<object> {
  const handle = await open(path, 'r');
  await handle.close();
  return handle;
}
