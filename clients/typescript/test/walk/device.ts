/** A device of a walk: a store that its tabs share, and tabs that hear of changes late. */

import assert from 'node:assert/strict';

import { apply, type State, type Step } from '../../src/outbox/decide.ts';
import type { View } from '../../src/outbox/view.ts';

export const EMPTY: State = { revision: 0, next: 1, entries: [], records: new Map(), session: null };

/** What a tab has on its screen. */
export interface Shown extends View {
  readonly version: number;
}

/** A tab: what it has read of the store, what it has rendered, and the requests that it waits for. */
export interface Tab {
  readonly device: Device;
  state: State;
  readonly screen: Map<string, Shown>;
  readonly inFlight: Set<number>;
}

export class Device {
  readonly name: string;
  stored: State = EMPTY;
  tabs: Tab[] = [];

  constructor(name: string, tabs: number) {
    this.name = name;
    for (let tab = 0; tab < tabs; tab++) this.tabs.push(this.#tab());
  }

  #tab(): Tab {
    return { device: this, state: this.stored, screen: new Map(), inFlight: new Set() };
  }

  /** Ends every tab at any moment, and opens the pages again. */
  crash(): void {
    this.tabs = this.tabs.map(() => this.#tab());
  }
}

/** Commits what a tab decides. Decides again while the store refuses it. Returns the step, and the state that it changes. */
export function commit(
  tab: Tab,
  decide: (state: State) => Step | undefined,
): { step: Step; before: State } | undefined {
  for (let tries = 0; tries < 3; tries++) {
    const step = decide(tab.state);
    if (!step) return undefined;
    const { stored } = tab.device;
    if (stored.revision === tab.state.revision) {
      const before = tab.state;
      tab.device.stored = apply(stored, step);
      tab.state = apply(before, step);
      return { step, before };
    }
    tab.state = stored;
  }
  throw assert.fail('a decision on the state as stored was refused');
}
