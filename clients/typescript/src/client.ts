/** The client of one server. */

import type { Members } from './json.ts';
import { shape, type Author, type ResourceOptions } from './record.ts';
import { Resource } from './resource.ts';
import { sleep, Transport, type Sleep } from './transport.ts';

/** The settings of a client. */
export interface ClientOptions {
  /** The API key. */
  readonly key: string;
  /** The person for whom the client writes. */
  readonly author?: Author;
  /** Sends a request. Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch;
  /** The time of all tries of one call in milliseconds. Default: a minute. */
  readonly timeout?: number;
  /** The session token of an earlier client. */
  readonly session?: string;
  /** Waits between tries. Default: a timer. */
  readonly sleep?: Sleep;
}

/** A client of the ripple API. It keeps the session token, so that it reads its own writes. */
export class Client {
  /** What the client sends with. An outbox uses it too. */
  declare readonly transport: Transport;
  /** The API key. A new one takes effect with the next request. */
  declare key: string;
  declare readonly author: Author | undefined;

  constructor(url: string | URL, options: ClientOptions) {
    this.key = options.key;
    this.author = options.author;
    const send = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.transport = new Transport(
      String(url),
      () => this.key,
      send,
      options.timeout ?? 60_000,
      options.sleep ?? sleep,
    );
    this.transport.session = options.session;
  }

  /** The session token of the last write. */
  get session(): string | undefined {
    return this.transport.session;
  }

  set session(token: string | undefined) {
    this.transport.session = token;
  }

  /** Returns a resource by its name, such as `prj`. */
  resource<T = Members, New = T>(name: string, options: ResourceOptions = {}): Resource<T, New> {
    return new Resource<T, New>(shape(name, options), this.transport, this.author);
  }
}
