/**
 * A store in a file, for Node.js: lines with a checksum, appended and flushed to the disk.
 *
 * A line that was cut off by a crash was never acknowledged, so it is dropped. One process uses the file at a time.
 */

import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { Content, type Batch, type Store, type Stored } from './store.ts';

/** The file is compacted if it has at least this many bytes, and twice as many as after the last compaction. */
const COMPACT = 1_000_000;

/** A store in a file. */
export class FileStore implements Store {
  readonly durable = true;
  readonly shared = undefined;
  readonly #path: string;
  readonly #content: Content;
  #file: FileHandle;
  /** The length of the file in which every line is whole. */
  #length: number;
  #compacted: number;
  /** Whether the file may end with a line that was not acknowledged. The next start removes it. */
  #broken = false;
  #chain: Promise<unknown> = Promise.resolve();

  /** Opens a file, or creates it. Throws if another process uses it, or if it is damaged. */
  static async open(path: string): Promise<FileStore> {
    await lock(`${path}.lock`);
    try {
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0);
        throw error;
      });
      const content = new Content();
      const length = replay(bytes, content, path);
      const file = await open(path, 'a+', 0o600);
      await file.truncate(length);
      await file.sync();
      await syncFolder(path);
      return new FileStore(path, file, content, length);
    } catch (error) {
      await rm(`${path}.lock`, { force: true });
      throw error;
    }
  }

  private constructor(path: string, file: FileHandle, content: Content, length: number) {
    this.#path = path;
    this.#file = file;
    this.#content = content;
    this.#length = length;
    this.#compacted = length;
  }

  async load(): Promise<Stored> {
    return this.#serial(async () => this.#content.stored());
  }

  async commit(batch: Batch, revision: number): Promise<boolean> {
    return this.#serial(async () => {
      if (this.#content.revision !== revision) return false;
      if (this.#broken) throw new Error(`${this.#path} ends with a line that could not be removed`);
      const bytes = line(batch);
      try {
        await this.#file.appendFile(bytes);
        if (batch.strict) await this.#file.datasync();
      } catch (error) {
        // Half a line would make the next one unreadable.
        await this.#file.truncate(this.#length).catch(() => (this.#broken = true));
        throw error;
      }
      this.#length += bytes.length;
      this.#content.apply(batch);
      // The batch is durable. A compaction that fails is tried again with the next one.
      if (this.#length > Math.max(COMPACT, 2 * this.#compacted)) await this.#compact().catch(() => undefined);
      return true;
    });
  }

  async close(): Promise<void> {
    await this.#serial(async () => {
      await this.#file.close();
      await rm(`${this.#path}.lock`, { force: true });
    });
  }

  async wipe(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Writes the content into a new file, which then replaces the old one. */
  async #compact(): Promise<void> {
    const path = `${this.#path}.new`;
    const bytes = line(this.#content.whole());
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(path, this.#path);
    await syncFolder(this.#path);
    const old = this.#file;
    this.#file = await open(this.#path, 'a+', 0o600);
    await old.close();
    this.#length = this.#compacted = bytes.length;
  }

  #serial<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#chain.then(work, work);
    this.#chain = done.catch(() => undefined); // the caller hears of it
    return done;
  }
}

function line(batch: Batch): Buffer {
  const text = JSON.stringify(batch);
  return Buffer.from(`${checksum(text)} ${text}\n`);
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Applies the lines of a file. Returns the length of the whole lines. Throws if a line before the last is damaged. */
function replay(bytes: Buffer, content: Content, path: string): number {
  let length = 0;
  for (;;) {
    const end = bytes.indexOf(10, length);
    if (end < 0) return length;
    const text = bytes.toString('utf8', length, end);
    const json = text.slice(17);
    if (text.slice(0, 17) !== `${checksum(json)} `) {
      if (end + 1 === bytes.length) return length;
      throw new Error(`${path} is damaged at byte ${length}`);
    }
    content.apply(JSON.parse(json) as Batch);
    length = end + 1;
  }
}

/** Creates the lock file. A lock of a process that has ended is removed. */
async function lock(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => '')) || 0;
    if (tries || (owner && lives(owner))) throw new Error(`process ${owner} uses ${path.slice(0, -'.lock'.length)}`);
    await rm(path, { force: true });
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Makes a new name durable. Platforms that cannot open a folder do it by themselves. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
