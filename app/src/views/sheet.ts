/** Lists as CSV: a file of the list that is shown, and a file that is looked through before it is saved. */

import { idempotencyKey } from '../../../clients/typescript/src/ids.ts';
import { isList, isMembers, own, type Json, type Members } from '../../../clients/typescript/src/json.ts';
import { next } from '../../../clients/typescript/src/list.ts';
import { Problem } from '../../../clients/typescript/src/problem.ts';
import { address, head, notice, type Place, type View } from '../app.ts';
import type { Connection } from '../connection.ts';
import { announce, button, fill, h } from '../dom.ts';
import type { Kind } from '../kinds.ts';
import { errorOf, reason } from '../words/problems.ts';
import { resultText, type Result } from '../words/sheet.ts';
import { capital, count } from '../words/text.ts';
import { batches, textOf, type Part } from '../words/csv.ts';

/** The rows of one page. */
const PAGE = 500;
const TYPE = 'text/csv';
/** Programs for sheets take a file without a byte order mark for another encoding. */
const MARK = '\uFEFF';
/** The time for which a browser may read the file, in milliseconds. */
const KEPT = 60_000;

/** Offers a list as a file, with its words and its order. */
export async function exportCsv(connection: Connection, kind: Kind, query: URLSearchParams): Promise<number> {
  const { client, fetch } = connection;
  const parameters = new URLSearchParams(query);
  parameters.set('format', 'csv');
  parameters.set('limit', String(PAGE));
  // With `fields`, every page has the same columns.
  parameters.set('fields', kind.members.map(([name]) => name).join());
  let path: string | undefined = `${kind.resource}?${parameters}`;
  const pages: string[] = [];
  while (path !== undefined) {
    const answer = await fetch(new URL(path, connection.url), { headers: { 'x-api-key': client.key } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The list cannot be read: ${answer.status}`);
    // Only the first page keeps its header.
    pages.push(pages.length ? text.slice(text.indexOf('\n') + 1) : text);
    path = next({ headers: answer.headers, url: answer.url }, connection.url);
  }
  const file = new Blob([MARK, ...pages], { type: TYPE });
  const link = h('a', { href: URL.createObjectURL(file), download: `${kind.resource}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
  return pages.length;
}

/** A part of a file, as one request. */
interface Batch extends Part {
  readonly key: string;
}

/** What became of a file. */
interface Sent {
  readonly found: readonly Result[];
  /** Why the rows from a line on have no result. */
  readonly failure?: { readonly error: Error; readonly line: number };
}

export function importView({ connection, kind, signal }: Place): View {
  const title = `Import ${kind.plural}`;
  const said = h('div', { class: 'said' });
  const results = h('div', { class: 'results' });
  const bar = h('div', { class: 'actions' });
  const input = h('input', {
    type: 'file',
    id: 'sheet',
    accept: `.csv,${TYPE}`,
    // A browser tells of no change where the same file is chosen again, after it was mended.
    onclick: () => (input.value = ''),
    onchange: () => void look(),
  });
  let parts: Batch[] = [];

  /** Asks what the file would do, without doing it. */
  async function look(): Promise<void> {
    const [file] = input.files ?? [];
    fill(bar);
    fill(results);
    if (!file) return;
    try {
      const text = textOf(new Uint8Array(await file.arrayBuffer()));
      parts = batches(text).map((part) => ({ ...part, key: idempotencyKey() }));
    } catch (error) {
      return say('bad', `${errorOf(error).message} Nothing is saved.`);
    }
    const sent = await send(true);
    if (!sent) return;
    const { found, failure } = sent;
    if (failure) return say('bad', `${reason(failure.error, kind)} Nothing is saved.`);
    show(found, true);
    const good = found.filter(({ status }) => status < 400);
    const changes = good.filter(isChange);
    const refused = found.length - good.length;
    const text = [
      `${count(changes.length, 'row changes', 'rows change')} something`,
      `${count(good.length - changes.length, 'row', 'rows')} would change nothing`,
      ...(refused ? [`${count(refused, 'row', 'rows')} would be refused`] : []),
    ].join(', ');
    say('news', `${text}. Nothing is saved yet.`);
    if (changes.length) fill(bar, button(`Save ${count(changes.length, 'row')}`, save));
  }

  async function save(): Promise<void> {
    fill(bar);
    const sent = await send(false);
    if (!sent) return;
    const { found, failure } = sent;
    if (found.length) show(found, false);
    const refused = found.filter(({ status }) => status >= 400);
    const saved = found.filter((result) => result.status < 400 && isChange(result));
    const bad = refused.length ? `, and ${count(refused.length, 'row was', 'rows were')} refused` : '';
    const text = `${count(saved.length, 'row was', 'rows were')} saved${bad}.`;
    if (failure) say('bad', `${reason(failure.error, kind)} ${text} ${rest(failure)}`);
    else say(bad ? 'bad' : 'done', text);
    // A row that was not tried is tried with the same key, so the others are not made twice.
    if (failure || refused.some(({ status }) => status === 503)) fill(bar, button('Save the rest', save));
  }

  /** Sends every part, until one has no answer. Returns nothing if another view is shown meanwhile. */
  async function send(dry: boolean): Promise<Sent | undefined> {
    const { transport } = connection.client;
    const path = `${kind.resource}/_batch${dry ? '?dry_run=true' : ''}`;
    const author = connection.resource(kind).online.author;
    const found: Result[] = [];
    say('news', dry ? 'Looking through the file…' : 'Saving…');
    for (const { text, before, line, isTooLarge, key } of parts) {
      if (isTooLarge) {
        found.push({ line, id: undefined, status: 413, receipt: undefined, problem: { code: 'record_too_large' } });
        continue;
      }
      const headers = {
        'content-type': TYPE,
        ...(author && { 'ripple-author': author }),
        ...(!dry && { 'idempotency-key': key }),
      };
      try {
        const answer = await transport.send({ method: 'POST', path, headers, body: text, reads: true }, signal);
        const list = isMembers(answer.body) ? own(answer.body, 'results') : undefined;
        if (isList(list)) found.push(...list.filter(isMembers).map((json) => toResult(json, before)));
      } catch (error) {
        return signal.aborted ? undefined : { found, failure: { error: errorOf(error), line } };
      }
    }
    return { found };
  }

  function show(found: readonly Result[], dry: boolean): void {
    const row = (result: Result): HTMLElement => {
      const { line, id, status } = result;
      const isThere = id !== undefined && status < 400 && !(dry && status === 201);
      const shown = isThere ? h('a', { href: address('record', kind, id) }, id) : (id ?? '');
      return h(
        'tr',
        { class: status >= 400 && 'refused' },
        h('th', { scope: 'row' }, `Line ${line}`),
        h('td', { 'data-name': capital(kind.noun) }, shown),
        h('td', { 'data-name': 'Result' }, resultText(kind, result, dry)),
      );
    };
    const heads = ['Line', capital(kind.noun), dry ? 'What saving would do' : 'What was done'];
    fill(
      results,
      h(
        'table',
        { class: 'card' },
        h('caption', { class: 'unseen' }, 'The rows of the file'),
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            heads.map((text) => h('th', { scope: 'col' }, text)),
          ),
        ),
        h('tbody', {}, found.map(row)),
      ),
    );
  }

  function say(look: 'done' | 'bad' | 'news', text: string): void {
    fill(said, notice(look, text));
    announce(text);
  }

  const hint =
    'A row with a version is an edit of what you exported: it is merged with what others saved since. ' +
    `A row without one is a new ${kind.noun}. An empty cell leaves its value as it is, and json:null removes it.`;
  const element = h(
    'div',
    {},
    h(
      'nav',
      { class: 'crumbs', 'aria-label': 'Breadcrumb' },
      h('a', { href: address('list', kind) }, `All ${kind.plural}`),
    ),
    head(title),
    h('div', { class: 'field' }, h('label', { for: 'sheet' }, 'A CSV file'), h('p', { class: 'hint' }, hint), input),
    said,
    bar,
    results,
  );
  return { title, element };
}

/** Tells what is known of the rows that have no result. */
function rest({ error, line }: NonNullable<Sent['failure']>): string {
  return error instanceof Problem && error.outcome === 'not_made'
    ? `The rows from line ${line} on were not saved.`
    : `It is not known whether the rows from line ${line} on were saved. Saving the rest saves no row twice.`;
}

function isChange({ receipt }: Result): boolean {
  return !/result=unchanged/.test(receipt ?? '');
}

function toResult(json: Members, before: number): Result {
  const text = (name: string): string | undefined => {
    const found = own(json, name);
    return found === undefined || found === null ? undefined : String(found);
  };
  return {
    line: Number(own(json, 'line')) + before,
    id: text('id'),
    status: Number(own(json, 'status')),
    receipt: text('receipt'),
    problem: own(json, 'problem') as Json | undefined,
  };
}
