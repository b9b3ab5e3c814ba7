/** A store in memory. It ends with the process, and says so. */

import { Content, type Batch, type Expected, type Store, type Stored } from './store.ts';

/** A store for tests, and for platforms without any other. */
export class MemoryStore implements Store {
  readonly durable = false;
  readonly shared = undefined;
  #content = new Content();

  async load(): Promise<Stored> {
    return this.#content.stored();
  }

  async commit(batch: Batch, expected: readonly Expected[]): Promise<boolean> {
    const meets = this.#content.meets(expected);
    if (meets) this.#content.apply(batch);
    return meets;
  }

  async close(): Promise<void> {}

  async wipe(): Promise<void> {
    this.#content = new Content();
  }
}
