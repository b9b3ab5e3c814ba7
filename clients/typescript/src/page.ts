/** The page that the client runs in, if there is one. */

interface Page {
  readonly document?: EventTarget & { readonly hidden: boolean };
  addEventListener?(type: string, listener: () => void, options?: { signal: AbortSignal }): void;
}

export const page = globalThis as Page;

/** Reports whether the page is hidden, such as a tab behind another one. */
export const isHidden = (): boolean => page.document?.hidden ?? false;
