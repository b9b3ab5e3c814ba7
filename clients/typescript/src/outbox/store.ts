/** The store of an outbox: rows of text that are changed together, or not at all. */

/** An entry as stored. `rev` grows with each change of it. */
export interface Row {
  readonly n: number;
  readonly rev: number;
  readonly text: string;
}

/** The content of a store. */
export interface Stored {
  /** The number of commits so far. */
  readonly revision: number;
  /** The number of the next entry. */
  readonly next: number;
  readonly rows: readonly Row[];
  /** The server's records, by their names in the store. */
  readonly records: readonly (readonly [string, string])[];
  readonly meta: string | undefined;
}

/** Changes that are made together. */
export interface Batch {
  readonly put?: readonly Row[];
  readonly remove?: readonly number[];
  readonly records?: readonly (readonly [string, string])[];
  readonly forget?: readonly string[];
  readonly meta?: string;
  /** The number of the next entry, if the batch adds entries. */
  readonly next?: number;
  /** The revision that the store has afterwards. Default: the next. */
  readonly revision?: number;
  /** Whether the batch must survive a loss of power. */
  readonly strict: boolean;
}

/** What an outbox requires of a store. */
export interface Store {
  /** Whether what is committed survives the end of the process. */
  readonly durable: boolean;
  /** The name by which tabs that share the store find each other; `undefined` if only one outbox can use it. */
  readonly shared: string | undefined;
  load(): Promise<Stored>;
  /**
   * Makes all changes, or none. Resolves once they are durable. Resolves to `false`, without any change, if the store
   * has another revision. Throws if the changes cannot be kept.
   */
  commit(batch: Batch, revision: number): Promise<boolean>;
  close(): Promise<void>;
  /** Deletes everything. */
  wipe(): Promise<void>;
}

/** The content of a store in memory, as adapters that keep all of it change it. */
export class Content {
  revision = 0;
  next = 1;
  readonly rows = new Map<number, Row>();
  readonly records = new Map<string, string>();
  meta: string | undefined;

  apply(batch: Batch): void {
    for (const row of batch.put ?? []) this.rows.set(row.n, row);
    for (const n of batch.remove ?? []) this.rows.delete(n);
    for (const [name, text] of batch.records ?? []) this.records.set(name, text);
    for (const name of batch.forget ?? []) this.records.delete(name);
    this.meta = batch.meta ?? this.meta;
    this.next = batch.next ?? this.next;
    this.revision = batch.revision ?? this.revision + 1;
  }

  stored(): Stored {
    const rows = [...this.rows.values()].sort((one, other) => one.n - other.n);
    return { revision: this.revision, next: this.next, rows, records: [...this.records], meta: this.meta };
  }

  /** Returns the batch that makes this content of an empty store. */
  whole(): Batch {
    const { revision, next, rows, records, meta } = this.stored();
    return { put: rows, records, next, revision, strict: true, ...(meta !== undefined && { meta }) };
  }
}
