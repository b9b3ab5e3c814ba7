/** Elements without a framework. Text is always a text node, so no value can become markup. */

export type Child = Node | string | false | null | undefined | readonly Child[];
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/** Makes an element. A name that begins with `on` adds a listener, `true` an empty attribute, `false` none. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: { readonly [name: string]: Value } = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) set(element, key, value);
  element.append(...nodes(children));
  return element;
}

/** Sets or removes an attribute, or adds a listener. */
export function set(element: Element, name: string, value: Value): void {
  if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : String(value));
}

/** Replaces the children of an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...nodes(children));
}

/**
 * Replaces what differs in the children of an element. What stays keeps the focus, and a click that has begun on it. Two
 * elements that look the same must do the same.
 */
export function update(element: Element, ...children: Child[]): void {
  adapt(element, h('div', {}, ...children));
}

function adapt(element: Element, made: Element): void {
  const before = [...element.childNodes];
  const after = [...made.childNodes];
  for (const [place, node] of after.entries()) {
    const old = before[place];
    if (!old) element.append(node);
    else if (old.isEqualNode(node)) continue;
    else if (old instanceof Element && node instanceof Element && isShell(old, node)) adapt(old, node);
    else old.replaceWith(node);
  }
  for (const old of before.slice(after.length)) old.remove();
}

/** Reports whether two elements differ in their children alone. What a button does goes with its text. */
function isShell(one: Element, other: Element): boolean {
  return one.tagName !== 'BUTTON' && one.cloneNode(false).isEqualNode(other.cloneNode(false));
}

function nodes(children: readonly Child[]): (Node | string)[] {
  return children.flatMap((child) =>
    Array.isArray(child) ? nodes(child as readonly Child[]) : child ? [child as Node | string] : [],
  );
}

/** Makes a button. It never submits a form. */
export function button(
  text: Child,
  onclick: () => unknown,
  attributes: { readonly [name: string]: Value } = {},
): HTMLButtonElement {
  return h('button', { type: 'button', onclick: () => void onclick(), ...attributes }, text);
}

let ids = 0;

/** Returns an id that no other element has. */
export function freshId(): string {
  return `n${++ids}`;
}

/** Calls a function once the calls have paused for a time. */
export function debounced(milliseconds: number, work: () => void, signal: AbortSignal): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener('abort', () => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    if (!signal.aborted) timer = setTimeout(work, milliseconds);
  };
}

/** Tells a screen reader. */
export function announce(text: string): void {
  const region = document.getElementById('said');
  if (region) region.textContent = text;
}

/** Shows a time in the reader's zone. */
export function time(milliseconds: number | undefined): Child {
  if (milliseconds === undefined) return undefined;
  const date = new Date(milliseconds);
  const today = date.toDateString() === new Date().toDateString();
  const day: Intl.DateTimeFormatOptions = { dateStyle: 'medium' };
  const text = date.toLocaleString(undefined, { ...(today ? {} : day), timeStyle: 'short' });
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}
