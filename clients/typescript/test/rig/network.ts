/** A network between clients and a server: HTTP on sockets that it drops, doubles, delays and cuts. */

import { Agent, createServer, request, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Random } from '../walk/random.ts';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const FAULTS = ['lost', 'unanswered', 'twice', 'late', 'slow', 'cut', 'portal', 'busy'] as const;

/** The longest time for which a request or a copy of it is held, in milliseconds. */
const SLOW = 100;
const LATE = 3_000;

export class Network {
  /** The number of requests that arrived, and of faults. */
  requests = 0;
  readonly faults = new Map<string, number>();
  readonly #target: URL;
  readonly #random: Random;
  readonly #rate: (client: string) => number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;
  readonly #late = new Set<Promise<unknown>>();

  /** `rate`: the share of the requests of a client that a fault befalls. */
  constructor(target: string, random: Random, rate: (client: string) => number) {
    this.#target = new URL(target);
    this.#random = random;
    this.#rate = rate;
    this.#server = createServer((incoming, response) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('error', () => undefined);
      incoming.on('end', () => {
        const [, client = '', ...rest] = (incoming.url ?? '').split('/');
        const { method = 'GET', headers } = incoming;
        const asked = { method, path: `/${rest.join('/')}`, headers, body: Buffer.concat(parts) };
        void this.#serve(client, asked, response).catch(() => response.destroy());
      });
    });
  }

  /** Begins to serve. Returns the address; the first name in its path is that of the client. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits until every copy has arrived that was late. */
  async arrived(): Promise<void> {
    while (this.#late.size) await Promise.allSettled(this.#late);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  async #serve(client: string, asked: Request, response: ServerResponse): Promise<void> {
    this.requests++;
    const fault = this.#random.chance(this.#rate(client)) ? this.#random.pick(FAULTS) : 'none';
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    if (fault === 'lost') return void response.destroy();
    if (fault === 'portal') return answer(response, { status: 200, headers: {}, body: Buffer.from('<p>Log in</p>') });
    if (fault === 'busy')
      return answer(response, { status: 503, headers: {}, body: Buffer.from('{"code":"unavailable"}') });
    // A copy that is on the way for a long time arrives after the answer of a later try.
    if (fault === 'late') {
      const copy = pause(this.#random.next() * LATE).then(() => this.#forward(asked));
      this.#late.add(copy);
      void copy.catch(() => undefined).then(() => this.#late.delete(copy));
      return void response.destroy();
    }
    if (fault === 'slow') await pause(this.#random.next() * SLOW);
    const [found] = await Promise.all([this.#forward(asked), fault === 'twice' && this.#forward(asked)]);
    if (fault === 'unanswered') return void response.destroy();
    if (fault !== 'cut') return answer(response, found);
    response.writeHead(found.status, { ...found.headers, 'content-length': found.body.length + 1 });
    response.write(found.body.subarray(0, found.body.length / 2), () => response.destroy());
  }

  #forward({ method, path, headers, body }: Request): Promise<Answer> {
    const { hostname, port } = this.#target;
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers, agent: this.#agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

function answer(response: ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _, ...kept } = headers;
  response.writeHead(status, { ...kept, 'content-length': body.length });
  response.end(body);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
