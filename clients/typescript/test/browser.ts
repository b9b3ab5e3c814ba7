/** What the browser tests use as `ripple`. */

export * from '../src/index.ts';
export * from '../src/outbox.ts';
export * from '../src/outbox/indexeddb.ts';
