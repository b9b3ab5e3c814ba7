/** A network between a client and a server that loses, doubles, delays and cuts what passes through it. */

/** What befalls one request: see clients/conformance.jsonl. */
export type Fault = string;

/** A `fetch` with faults. */
export class Network {
  /** The faults of the next requests, one each. */
  faults: Fault[] = [];
  /** The number of requests that left the client. */
  requests = 0;
  /** The body of the last request. */
  body: string | undefined;
  /** Chooses a fault where `faults` has none. */
  chance: () => Fault | undefined = () => undefined;

  readonly fetch: typeof fetch = async (input, init = {}) => {
    this.requests++;
    this.body = init.body as string | undefined;
    const fault = this.faults.shift() ?? this.chance();
    init.signal?.throwIfAborted();
    if (fault === 'drop_request') throw new TypeError('dropped on the way there');
    if (fault?.startsWith('status:')) {
      const [, status, code] = fault.split(':');
      const body = JSON.stringify({ status: Number(status), code, detail: 'a fault' });
      return new Response(body, { status: Number(status), headers: { 'content-type': 'application/problem+json' } });
    }
    if (fault === 'portal') return new Response('<html>Log in</html>', { headers: { 'content-type': 'text/html' } });
    // A copy that is on the way for a long time arrives after the answer of a later try.
    if (fault === 'late') {
      this.#late.push([input, { ...init, signal: null }]);
      throw new TypeError('cut on the way there');
    }
    const response = await globalThis.fetch(input, init);
    if (fault === 'twice') {
      await response.arrayBuffer();
      return globalThis.fetch(input, init);
    }
    if (fault === 'drop_answer') {
      await response.arrayBuffer();
      throw new TypeError('dropped on the way back');
    }
    if (fault === 'cut') return new Response(cut(await response.text()), response);
    return response;
  };

  readonly #late: [RequestInfo | URL, RequestInit][] = [];

  /** Delivers the oldest request that is late. Returns its status, or `undefined` if there is none. */
  async deliverLate(): Promise<number | undefined> {
    const request = this.#late.shift();
    if (!request) return undefined;
    const response = await globalThis.fetch(...request);
    await response.arrayBuffer();
    return response.status;
  }
}

/** Returns a body that ends half-way, as after a broken connection. */
function cut(text: string): ReadableStream<Uint8Array> {
  const half = new TextEncoder().encode(text.slice(0, text.length / 2));
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(new TypeError('the connection was cut'));
      sent = true;
      controller.enqueue(half);
    },
  });
}
