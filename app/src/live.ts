/**
 * How an open page hears of the changes of others. This is the only place that knows the way: it asks for changes, and
 * long where the host holds requests.
 */

import { Client } from '../../clients/typescript/src/client.ts';
import { Problem } from '../../clients/typescript/src/problem.ts';
import { sleep } from '../../clients/typescript/src/transport.ts';
import { serverNow, type Connection } from './connection.ts';
import { cursorOf } from './cursor.ts';
import type { Kind } from './kinds.ts';

/** The time between two attempts after a failure, in milliseconds. */
const AGAIN = 5_000;
/** The seconds for which a host may hold a request. */
const HELD = 25;

/** Follows the changes of a resource until the signal is aborted. */
export function follow(connection: Connection, kind: Kind, signal: AbortSignal): void {
  const wake = new Wake(connection, signal);
  const { key } = connection.client;
  const client = new Client(connection.url, { key, fetch: connection.fetch, sleep: wake.sleep });
  const changes = client.resource(kind.resource, kind.options);
  const known = connection.resource(kind);
  let since: string | undefined = cursorOf(kind.resource, serverNow());
  const listen = async (): Promise<void> => {
    for await (const change of changes.changes({ since, wait: HELD, signal })) {
      since = change.cursor ?? since;
      const { id, record, deleted } = change;
      const news = record ? known.view(id)?.version !== record.version : deleted;
      if (record) await known.learn(record);
      if (news) connection.heard({ resource: kind.resource, id, deleted });
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        if (connection.offline) await wake.sleep(AGAIN * 12, signal);
        else await listen();
      } catch (error) {
        if (signal.aborted) return;
        const { status = 0, code = '' } = error instanceof Problem ? error : {};
        if (status === 401 || status === 403) return; // the outbox says it
        if (status === 400 || code === 'cursor_expired') since = undefined;
        await wake.sleep(AGAIN, signal).catch(() => undefined);
      }
    }
  };
  void run();
}

/** Ends waits early, when there is a reason to ask now. */
class Wake {
  #now: (() => void) | undefined;

  constructor(connection: Connection, signal: AbortSignal) {
    const wake = (): void => this.#now?.();
    // Another tab of this browser has just saved.
    const channel = new BroadcastChannel('ripple:saved');
    channel.onmessage = wake;
    connection.on('receipt', () => channel.postMessage(null), signal);
    connection.on('switched', wake, signal);
    signal.addEventListener('abort', () => channel.close());
    window.addEventListener('online', wake, { signal });
    document.addEventListener('visibilitychange', () => document.hidden || wake(), { signal });
  }

  readonly sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    Promise.race([sleep(milliseconds, signal), new Promise<void>((resolve) => (this.#now = resolve))]);
}
