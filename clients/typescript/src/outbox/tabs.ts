/** The tabs of one browser profile: which of them sends, and how they hear of each other's changes. */

/** The time between two signs of life of the sender, in milliseconds. */
const BEAT = 5_000;
/** The silence after which a visible tab takes over, in milliseconds. A frozen tab keeps its lock. */
const SILENCE = 15_000;

/** What a tab is told. */
export interface Listener {
  /** The tab begins or ends to be the sender. */
  lead(leading: boolean): void;
  /** Another tab has changed the store. */
  hint(): void;
  /** Reports whether entries wait to be sent. */
  hasWork(): boolean;
}

/**
 * One tab among those that share a store. Without a name, or without the platform's locks, the tab is always the
 * sender.
 */
export class Tabs {
  readonly #lock: string;
  readonly #locks: LockManager | undefined;
  readonly #listener: Listener;
  readonly #channel: BroadcastChannel | undefined;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #listening = new AbortController();
  #release: (() => void) | undefined;
  /** The request for the lock that counts: one that waits, or one that holds it. */
  #request: AbortController | undefined;
  #leading = false;
  #heard = performance.now();

  constructor(name: string | undefined, listener: Listener) {
    this.#lock = `ripple:send:${name}`;
    this.#listener = listener;
    if (name === undefined) return;
    this.#locks = globalThis.navigator?.locks;
    if (typeof BroadcastChannel === 'function') {
      this.#channel = new BroadcastChannel(this.#lock);
      this.#channel.onmessage = ({ data }) => (data === 'beat' ? (this.#heard = performance.now()) : listener.hint());
    }
    if (!this.#locks) return;
    this.#timer = setInterval(() => this.#tick(), BEAT);
    // The window is told of `pagehide` and `pageshow`, the document of `freeze` and `resume`.
    const { signal } = this.#listening;
    for (const target of [globalThis as unknown as EventTarget, globalThis.document as EventTarget | undefined]) {
      for (const type of ['pagehide', 'freeze']) target?.addEventListener(type, this.#leave, { signal });
      for (const type of ['pageshow', 'resume']) target?.addEventListener(type, this.#join, { signal });
    }
  }

  /** Begins to wait for the lock. */
  start(): void {
    this.#join();
  }

  /** Tells the other tabs that the store has changed. */
  tell(): void {
    this.#channel?.postMessage('changed');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listening.abort();
    this.#leave();
    this.#channel?.close();
  }

  /** Releases the lock at once: a page that holds one cannot be kept for the back button. */
  #leave = (): void => {
    this.#request?.abort();
    this.#request = undefined;
    this.#release?.();
    this.#set(false);
  };

  #join = (): void => {
    if (!this.#locks) return this.#set(true);
    if (!this.#request) this.#ask(false);
  };

  /** Asks for the lock in place of an earlier request. What becomes of that one does not count any more. */
  #ask(steal: boolean): void {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const hold = async (): Promise<void> => {
      if (this.#request !== request) return;
      this.#set(true);
      await new Promise<void>((resolve) => (this.#release = resolve));
    };
    this.#locks?.request(this.#lock, steal ? { steal } : { signal: request.signal }, hold).catch(() => {
      if (this.#request !== request) return;
      // Another tab took the lock.
      this.#leave();
      this.#join();
    });
  }

  #tick(): void {
    if (this.#leading) this.#channel?.postMessage('beat');
    const visible = globalThis.document?.hidden === false;
    const silent = performance.now() - this.#heard > SILENCE;
    if (this.#leading || !silent || !visible || !this.#listener.hasWork()) return;
    this.#heard = performance.now(); // the next attempt is as long after this one
    this.#ask(true);
  }

  #set(leading: boolean): void {
    if (leading === this.#leading) return;
    this.#leading = leading;
    this.#listener.lead(leading);
  }
}
