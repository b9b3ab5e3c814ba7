/** A client of the ripple API. Records are values, edits send what their author saw, and writes return receipts. */

export { Client, type ClientOptions } from './client.ts';
export { Resource, type Call, type Conditions, type Operand, type Query, type Selection, type Version, type Write } from './resource.ts';
export { List, type Page } from './list.ts';
export { Changes, type Change, type ChangesOptions } from './changes.ts';
export type { Author, Deleted, Draft, Names, Record, ResourceOptions, Saved, Updated } from './record.ts';
export type { Receipt, Touched } from './receipt.ts';
export { Problem, type Outcome } from './problem.ts';
export { Num, equal, type Json, type Members } from './json.ts';
export type { Sleep } from './transport.ts';
