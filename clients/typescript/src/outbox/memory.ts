/** A store in memory. It ends with the process, and says so. */

import { Content, type Batch, type Store, type Stored } from './store.ts';

/** A store for tests, and for platforms without any other. */
export class MemoryStore implements Store {
  readonly durable = false;
  readonly shared = undefined;
  #content = new Content();

  async load(): Promise<Stored> {
    return this.#content.stored();
  }

  async commit(batch: Batch, revision: number): Promise<boolean> {
    const same = this.#content.revision === revision;
    if (same) this.#content.apply(batch);
    return same;
  }

  async close(): Promise<void> {}

  async wipe(): Promise<void> {
    this.#content = new Content();
  }
}
