/** A store in IndexedDB, which all tabs of a browser profile share. */

import type { Batch, Row, Store, Stored } from './store.ts';

const STORES = ['rows', 'records', 'meta'] as const;

/** Opens the store of one account. `databaseName` makes the name. */
export async function openIndexedDb(name: string): Promise<Store> {
  const store = new IndexedDbStore(name);
  await store.load();
  return store;
}

class IndexedDbStore implements Store {
  readonly durable = true;
  readonly shared: string;
  #database: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.shared = name;
  }

  async load(): Promise<Stored> {
    return this.#transact('readonly', 'relaxed', async (rows, records, meta) => {
      // Requests of one transaction are answered in their order. So all are made before the first is awaited.
      const [entries, names, texts, revision, next, text] = await Promise.all([
        answer<Row[]>(rows.getAll()),
        answer(records.getAllKeys()),
        answer<string[]>(records.getAll()),
        answer<number | undefined>(meta.get('revision')),
        answer<number | undefined>(meta.get('next')),
        answer<string | undefined>(meta.get('meta')),
      ]);
      const known = names.map((name, place): [string, string] => [String(name), texts[place] ?? '']);
      return { revision: revision ?? 0, next: next ?? 1, rows: entries, records: known, meta: text };
    });
  }

  async commit(batch: Batch, revision: number): Promise<boolean> {
    return this.#transact('readwrite', batch.strict ? 'strict' : 'relaxed', async (rows, records, meta) => {
      if (((await answer<number | undefined>(meta.get('revision'))) ?? 0) !== revision) return false;
      meta.put(batch.revision ?? revision + 1, 'revision');
      for (const row of batch.put ?? []) rows.put(row);
      for (const n of batch.remove ?? []) rows.delete(n);
      for (const [name, text] of batch.records ?? []) records.put(text, name);
      for (const name of batch.forget ?? []) records.delete(name);
      if (batch.meta !== undefined) meta.put(batch.meta, 'meta');
      if (batch.next !== undefined) meta.put(batch.next, 'next');
      return true;
    });
  }

  async close(): Promise<void> {
    const database = await this.#database?.catch(() => undefined); // it never opened
    this.#database = undefined;
    database?.close();
  }

  async wipe(): Promise<void> {
    await this.close();
    await answer(indexedDB.deleteDatabase(this.shared));
  }

  /** Runs a transaction, and resolves when it is complete. If the platform has closed the connection, opens another one, once. */
  async #transact<R>(mode: IDBTransactionMode, durability: IDBTransactionDurability, work: Work<R>): Promise<R> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(mode, durability, work);
      } catch (error) {
        const closed = error instanceof DOMException && ['InvalidStateError', 'UnknownError'].includes(error.name);
        if (!closed || tries > 1) throw error;
        await this.close();
      }
    }
  }

  async #once<R>(mode: IDBTransactionMode, durability: IDBTransactionDurability, work: Work<R>): Promise<R> {
    const database = await this.#open();
    const transaction = database.transaction(STORES, mode, { durability });
    const complete = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () =>
        reject(transaction.error ?? new DOMException('the transaction was aborted', 'AbortError'));
    });
    const [rows, records, meta] = STORES.map((name) => transaction.objectStore(name)) as [
      IDBObjectStore,
      IDBObjectStore,
      IDBObjectStore,
    ];
    complete.catch(() => undefined); // awaited below, unless the work fails first
    const result = await work(rows, records, meta);
    await complete;
    return result;
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= this.#connect().catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    return this.#database;
  }

  async #connect(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.shared, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('rows', { keyPath: 'n' });
      request.result.createObjectStore('records');
      request.result.createObjectStore('meta');
    };
    const database = await answer(request);
    const forget = (): void => {
      this.#database = undefined;
    };
    database.onclose = forget;
    database.onversionchange = () => {
      database.close();
      forget();
    };
    return database;
  }
}

type Work<R> = (rows: IDBObjectStore, records: IDBObjectStore, meta: IDBObjectStore) => Promise<R>;

function answer<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException('the request failed', 'UnknownError'));
  });
}
