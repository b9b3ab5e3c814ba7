/** The sockets that a test has opened, so that it can cut them. */

import type { Live } from '../src/live.ts';

/** The sockets, the newest last. */
export const sockets: WebSocket[] = [];

const Original = globalThis.WebSocket;
globalThis.WebSocket = class extends Original {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    sockets.push(this);
  }
};

/** Waits until a live channel is open. It must be iterated already. */
export async function opened(channel: Live<never> | Live<unknown>): Promise<void> {
  while (channel.state !== 'open') await new Promise((resolve) => setTimeout(resolve, 5));
}
