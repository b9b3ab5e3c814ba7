/** What a client did and was told, line by line. A line is written before or after the fact that it names. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** What an edit puts into a record. Every token is of one edit only. */
export interface Edit {
  /** The number of the edit, which is the order in which the author made it. */
  readonly edit: number;
  readonly id: string;
  readonly goal?: string;
  readonly tag?: string;
  readonly step?: string;
  /** A tag of an earlier edit that this one removes. */
  readonly untag?: string;
  /** Whether the server must refuse it. */
  readonly bad?: boolean;
}

export type Line =
  /** The author makes an edit. It may be durable from now on. */
  | (Edit & { readonly t: 'begin' })
  /** The client said that the edit is durable, in entry `n`; without one, that nothing is to be sent. */
  | { readonly t: 'queued'; readonly edit: number; readonly n?: number }
  | {
      readonly t: 'receipt';
      readonly n: number;
      readonly id: string;
      readonly result: string;
      readonly version: number;
    }
  /** What is left in the store once nothing waits: entries that the server refused. */
  | { readonly t: 'left'; readonly entries: readonly Left[] };

export interface Left {
  readonly n: number;
  readonly id: string;
  readonly code: string;
  /** The entry's own text. */
  readonly text: string;
}

export class Journal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  write(line: Line): void {
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }

  read(): Line[] {
    if (!existsSync(this.#path)) return [];
    const text = readFileSync(this.#path, 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  }
}
