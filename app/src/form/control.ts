/** What every part of a form can do. */

import type { Json } from '../../../clients/typescript/src/json.ts';
import { fill, freshId, h, set, type Child } from '../dom.ts';
import type { Schema } from '../kinds.ts';
import { capital } from '../words/text.ts';

/** A part of a form that shows one value. */
export interface Control {
  readonly element: HTMLElement;
  /** Returns the value as the author left it. A value that was not touched is returned as it was shown. */
  read(): Json | undefined;
  /** Shows a value in place of the present one. */
  show(value: Json | undefined): void;
  /** Shows what is wrong with the value at a path, or with all of it. */
  blame(path: readonly string[], text: string): void;
  /** Removes every such text. */
  absolve(): void;
}

/** What a control is made of. */
export interface Part {
  readonly schema: Schema;
  /** Its name for people. */
  readonly label: string;
  readonly required: boolean;
  /** Whether the author can change it. */
  readonly fixed: boolean;
  /** The JSON Pointer, with `-` for places in lists. */
  readonly pointer: string;
  /** Returns the member that identifies an entry of the list at a pointer. */
  readonly entryKey: (pointer: string) => string | false;
}

/** A label, a hint and the place for a fault around an input. */
export class Frame {
  readonly element: HTMLElement;
  readonly id = freshId();
  readonly #fault: HTMLElement;
  readonly #input: Element;

  constructor(part: Part, input: HTMLElement, hint: string | undefined) {
    this.#input = input;
    input.id = this.id;
    const described = hint ? `${this.id}h ` : '';
    set(input, 'aria-describedby', `${described}${this.id}f`);
    if (part.required) set(input, 'aria-required', 'true');
    this.#fault = h('p', { class: 'fault', id: `${this.id}f` });
    const label = h('label', { for: this.id }, capital(part.label), mark(part));
    const about = hint ? h('p', { class: 'hint', id: `${this.id}h` }, hint) : null;
    const tick = input instanceof HTMLInputElement && input.type === 'checkbox';
    this.element = tick
      ? h('div', { class: 'field tick' }, input, label, about, this.#fault)
      : h('div', { class: 'field' }, label, about, input, this.#fault);
  }

  blame(text: string | undefined): void {
    fill(this.#fault, text);
    set(this.#input, 'aria-invalid', text !== undefined && 'true');
  }
}

/** Returns the mark of a required member. */
export function mark({ required, fixed }: Part): Child {
  return required && !fixed ? h('span', { class: 'required' }, ' (required)') : null;
}
