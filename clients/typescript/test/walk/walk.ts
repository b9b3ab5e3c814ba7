/**
 * A random walk: authors edit on two devices with several tabs, messages are lost, late and doubled, devices crash, and
 * another client edits too. The laws are checked in each state, and again when everything was sent.
 */

import assert from 'node:assert/strict';

import { difference, type Edit } from '../../src/edit.ts';
import { equal, fromEntries, own, type Json, type Members } from '../../src/json.ts';
import {
  acknowledge,
  doubt,
  drop,
  enqueue,
  entriesOf,
  find,
  freeze,
  learn,
  park,
  postpone,
  recover,
  replace,
  sendable,
} from '../../src/outbox/decide.ts';
import type { Wanted } from '../../src/outbox/decide.ts';
import { nameOf, unsent, type Entry, type Known } from '../../src/outbox/entry.ts';
import { edited, view } from '../../src/outbox/view.ts';
import { commit, Device, type Shown, type Tab } from './device.ts';
import { checkEnd, checkState, less } from './laws.ts';
import { Random } from './random.ts';
import { REFUSED, Server, type ModelAnswer } from './server.ts';

export const RESOURCE = 'prj';
export const SCALARS = ['goal', 'issue'] as const;
/** Ids that any author may choose for a new record. */
const CHOSEN = ['c1', 'c2'];
const FIRST: Members = { goal: 'goal 0', issue: 'issue 0', tags: ['a', 'b'], steps: [{ id: 's0', text: 'step 0' }] };

interface Message {
  readonly tab: Tab;
  readonly entry: Entry;
  readonly answer: ModelAnswer | undefined;
}

/** What an author did. */
interface Act {
  readonly device: Device;
  readonly id: string;
  /** The value that the author gave a text. */
  readonly texts: Members;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The entry that carries it; `undefined` if nothing was left to send. */
  readonly key: string | undefined;
}

export class Walk {
  readonly random: Random;
  readonly server = new Server();
  readonly devices = [new Device('A', 2), new Device('B', 1)];
  readonly acts: Act[] = [];
  /** The entries that create a record. */
  readonly creations: Pick<Entry, 'key' | 'id'>[] = [];
  /** The tags that an author removed, or that others did. */
  readonly removed = new Set<string>();
  /** The tags and steps that another client added. */
  readonly foreign: [string, string][] = [];
  messages: Message[] = [];
  /** For each device and record, the version of the newest receipt. */
  readonly receipts = new Map<string, number>();
  /** Entries whose definite refusal a tab has heard. */
  readonly refused = new Map<string, string>();
  /** The last revision of each entry that was parked or dropped out, by key. */
  readonly fates = new Map<string, 'made' | 'parked' | 'withdrawn'>();
  /** Parked entries that their author gave up or sent again. */
  readonly dealtWith = new Set<string>();
  /** The fields of entries that an author set back to what was seen, before the entry was sent. */
  readonly fellOut = new Set<string>();
  /** The bytes of each request that left, by key. */
  readonly bytes = new Map<string, string>();
  ids = ['p1', 'p2'];
  #serial = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    for (const id of this.ids) this.server.write(`first ${id}`, id, FIRST, []);
  }

  get tabs(): Tab[] {
    return this.devices.flatMap(({ tabs }) => tabs);
  }

  /** Takes one step. */
  step(): void {
    const { random } = this;
    const tab = random.pick(this.tabs);
    const kinds: [number, () => void][] = [
      [5, () => this.edit(tab)],
      [1, () => this.create(tab)],
      [0.5, () => this.delete(tab)],
      [1, () => this.resend(tab)],
      [3, () => this.render(tab, random.pick(this.ids))],
      [3, () => this.read(tab)],
      [3, () => (tab.state = tab.device.stored)],
      [8, () => this.send(tab)],
      [12, () => this.deliver()],
      [2, () => this.giveUp(tab)],
      [3, () => this.other()],
      [0.5, () => random.pick(this.devices).crash()],
      [1, () => void commit(tab, (state) => (tab.inFlight.size ? undefined : recover(state)))],
    ];
    let place = random.next() * kinds.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, act] of kinds) {
      place -= weight;
      if (place < 0) {
        act();
        break;
      }
    }
    checkState(this);
  }

  /** Renders a record as the tab knows it. The author edits what was rendered, whatever comes later. */
  render(tab: Tab, id: string): void {
    const known = tab.state.records.get(nameOf({ resource: RESOURCE, id }));
    const shown = view(known, entriesOf(tab.state, { resource: RESOURCE, id }));
    tab.screen.set(id, { ...shown, version: known?.version ?? 0 });
  }

  /** Reads a record: as it is, or an older state from a cache. */
  read(tab: Tab): void {
    const id = this.random.pick(this.ids);
    const found = this.server.records.get(id);
    if (!found) return;
    const version = this.random.chance(0.3) ? 1 + this.random.below(found.version) : found.version;
    const known: Known = { ...known0(id), version, value: found.states.get(version) ?? null };
    commit(tab, (state) => learn(state, [known]));
    this.render(tab, id);
  }

  /** Edits what the tab shows. */
  edit(tab: Tab): void {
    const id = this.random.pick(this.ids);
    const shown = tab.screen.get(id);
    if (!shown?.value) return;
    const { random } = this;
    const draft = new Map(Object.entries(shown.value));
    const added: string[] = [];
    const removed: string[] = [];
    for (const name of SCALARS) {
      if (!random.chance(0.5)) continue;
      // Now and then back to an earlier value, or to one that the server refuses.
      const earlier = this.acts
        .map((act) => own(act.texts, name))
        .filter((text) => text !== undefined && text !== REFUSED);
      const back = earlier.length && random.chance(0.3);
      draft.set(
        name,
        back ? random.pick(earlier as Json[]) : random.chance(0.04) ? REFUSED : `${name} ${++this.#serial}`,
      );
    }
    if (random.chance(0.5)) {
      let tags = (draft.get('tags') ?? []) as string[];
      if (random.chance(0.4) && tags.length) removed.push(random.pick(tags));
      tags = tags.filter((tag) => !removed.includes(tag));
      if (random.chance(0.7)) added.push(`tag ${++this.#serial}`);
      draft.set('tags', [...tags.slice(0, 1), ...added, ...tags.slice(1)]);
    }
    if (random.chance(0.3)) {
      const text = `step ${++this.#serial}`;
      draft.set('steps', [...((draft.get('steps') ?? []) as Json[]), { id: `id of ${text}`, text }]);
      added.push(text);
    }
    const edit = difference(shown.value, fromEntries(draft));
    const texts = fromEntries(
      Object.entries(edit.set).filter(([name]) => (SCALARS as readonly string[]).includes(name)),
    );
    for (const tag of removed) this.removed.add(`${id} ${tag}`);
    if (Object.keys(edit.set).length) this.#queue(tab, id, 'edit', edit, shown, { texts, added, removed });
  }

  /** Creates a record: with an id that the client makes, or with one that others may choose too. */
  create(tab: Tab): void {
    const ownId = this.random.chance(0.6);
    const id = ownId ? `n${++this.#serial}` : this.random.pick(CHOSEN);
    if (ownId && this.ids.length > 4) return;
    if (!this.ids.includes(id)) this.ids.push(id);
    const refused = this.random.chance(0.15);
    const texts = { goal: refused ? REFUSED : `goal ${++this.#serial}`, issue: `issue ${++this.#serial}` };
    const tag = `tag ${++this.#serial}`;
    const set = { ...texts, tags: [tag], steps: [] };
    this.#queue(
      tab,
      id,
      'create',
      { seen: {}, set, remove: [] },
      { value: null, pending: 0, version: 0 },
      { texts, added: [tag], removed: [] },
      { ownId },
    );
  }

  delete(tab: Tab): void {
    const id = this.random.pick(this.ids);
    const shown = tab.screen.get(id);
    // A record that is created anew lacks what its earlier life had, so the laws could not tell what is lost.
    if (shown?.value && !CHOSEN.includes(id))
      this.#queue(tab, id, 'delete', { seen: {}, set: {}, remove: [] }, shown, { texts: {}, added: [], removed: [] });
  }

  /** Sends a parked edit again, as a new one on what the tab shows; or gives it up. */
  resend(tab: Tab): void {
    const entry = tab.state.entries.find(({ state, kind }) => state === 'parked' && kind === 'edit');
    if (!entry) return;
    const { id, n } = entry;
    this.render(tab, id);
    const shown = tab.screen.get(id) as Shown;
    if (!shown.value || this.random.chance(0.2)) {
      if (commit(tab, (state) => drop(state, n))) this.#withdrawn(entry);
      return;
    }
    const after = new Map(Object.entries(edited(shown.value, entry)));
    const texts: [string, Json][] = [];
    for (const name of SCALARS) {
      if (own(entry.set, name) === undefined) continue;
      const text = `${name} ${++this.#serial}`;
      after.set(name, text); // the author corrects it
      texts.push([name, text]);
    }
    const edit = difference(shown.value, fromEntries(after));
    const steps = (side: Members): string[] =>
      ((own(side, 'steps') ?? []) as Members[]).map(({ text }) => text as string);
    const added = [
      ...less(edit.set, edit.seen).map(String),
      ...steps(edit.set).filter((text) => !steps(edit.seen).includes(text)),
    ];
    const gone = own(edit.set, 'tags') === undefined ? [] : less(edit.seen, edit.set).map(String);
    for (const tag of gone) {
      assert(
        less(entry.seen, entry.set).includes(tag),
        `sending again removes ${tag}, which its author did not remove`,
      );
    }
    const did = { texts: fromEntries(texts), added, removed: gone };
    if (Object.keys(edit.set).length) this.#queue(tab, id, 'edit', edit, shown, did, { parked: n });
  }

  #queue(
    tab: Tab,
    id: string,
    kind: Entry['kind'],
    edit: Edit,
    shown: Shown,
    did: Pick<Act, 'texts' | 'added' | 'removed'>,
    { parked, ownId = false }: { readonly parked?: number; readonly ownId?: boolean } = {},
  ): void {
    const { version, pending } = shown;
    const key = `key ${++this.#serial}`;
    const wanted: Wanted = {
      ...edit,
      ...(ownId && { own_id: true }),
      resource: RESOURCE,
      id,
      kind,
      version,
      pending,
      key,
      path: `prj/${id}`,
      account: 'one',
      author: null,
      made_at: 0,
    };
    let carried: Entry | undefined;
    const made = commit(tab, (state) => {
      const queued = parked === undefined ? enqueue(state, wanted) : replace(state, parked, wanted);
      carried = queued?.entry;
      return queued?.step;
    });
    if (!made) return; // another tab has sent it again already
    for (const entry of made.step.put ?? []) {
      const old = find(made.before, entry.n);
      assert(!old || unsent(old), 'an entry that was sent never changes');
    }
    for (const n of made.step.remove ?? []) {
      const gone = find(made.before, n) as Entry;
      assert(unsent(gone) || gone.state === 'parked');
      this.#withdrawn(gone);
    }
    const [folded] = made.step.put ?? [];
    for (const field of Object.keys(did.texts)) {
      const fell = folded && own(folded.set, field) === undefined;
      if (!fell) this.fellOut.delete(`${folded?.key} ${field}`);
      else {
        const old = find(made.before, folded.n) as Entry;
        assert.deepEqual(did.texts[field], own(old.seen, field), 'only what is as it was falls out');
        this.fellOut.add(`${folded.key} ${field}`);
      }
    }
    if (carried?.kind === 'create') this.creations.push(carried);
    if (carried?.state === 'parked') this.fates.set(carried.key, 'parked');
    this.acts.push({ device: tab.device, id, ...did, key: carried?.key });
    if (this.random.chance(0.7)) this.render(tab, id);
  }

  /** Sends what can be sent now. Every request of an entry has the same bytes. */
  send(tab: Tab): void {
    for (const n of sendable(tab.state, tab.inFlight)) {
      const entry = this.#frozen(tab, n);
      if (!entry) continue;
      tab.inFlight.add(n);
      this.messages.push({ tab, entry, answer: undefined });
    }
  }

  #withdrawn(entry: Entry): void {
    this.fates.set(entry.key, 'withdrawn');
    if (entry.state === 'parked') this.dealtWith.add(entry.key);
  }

  #frozen(tab: Tab, n: number): Entry | undefined {
    if (!commit(tab, (state) => freeze(state, n, undefined))) return undefined;
    const entry = find(tab.state, n) as Entry;
    assert.equal(this.bytes.get(entry.key) ?? entry.bytes, entry.bytes, 'every request of an entry is the same');
    this.bytes.set(entry.key, entry.bytes as string);
    return entry;
  }

  /** Delivers a message, or loses it, or delivers it and keeps a copy. */
  deliver(): void {
    if (!this.messages.length) return;
    const place = this.random.below(this.messages.length);
    const message = this.messages[place] as Message;
    if (!this.random.chance(0.2)) this.messages.splice(place, 1);
    if (this.random.chance(0.15)) return;
    if (message.answer) return this.receive(message.tab, message.entry, message.answer);
    const unavailable = this.random.chance(0.1);
    const answer = unavailable
      ? { status: 503, code: 'unavailable', version: 0, value: null }
      : this.server.answer(message.entry);
    this.messages.push({ ...message, answer });
  }

  /** Stops waiting for an answer. It may still come. */
  giveUp(tab: Tab): void {
    const [n] = tab.inFlight;
    if (n === undefined) return;
    tab.inFlight.delete(n);
    commit(tab, (state) => doubt(state, n));
  }

  /** Deals with an answer, as the outbox does. */
  receive(tab: Tab, entry: Entry, answer: ModelAnswer): void {
    if (!tab.device.tabs.includes(tab)) return; // the page has crashed
    tab.inFlight.delete(entry.n);
    const { status, code, version, value } = answer;
    const unknown = find(tab.state, entry.n)?.unknown ?? 0;
    if (status < 300) return this.#acknowledged(tab, entry, version, { ...known0(entry.id), version, value });
    if (status === 503) return void commit(tab, (state) => postpone(state, entry.n));
    const theirs = this.server.records.get(entry.id)?.value;
    const same = Object.keys(entry.set).every((name) => equal(own(theirs ?? {}, name), entry.set[name]));
    const made = unknown > 0 && entry.kind === 'create' && code === 'exists' && (entry.own_id || same);
    const gone = unknown > 0 && entry.kind === 'delete' && status === 410;
    if (made || gone) return this.#acknowledged(tab, entry, version, undefined);
    const problem = { status, code, detail: code, fields: {}, outcome: 'not_made' as const };
    const done = commit(tab, (state) => park(state, entry.n, problem));
    if (done) this.refused.set(entry.key, code);
    for (const parked of done?.step.put ?? []) this.fates.set(parked.key, 'parked');
  }

  #acknowledged(tab: Tab, entry: Entry, version: number, known: Known | undefined): void {
    const done = commit(tab, (state) => acknowledge(state, entry.n, { version }, known, undefined));
    if (!done) return;
    this.fates.set(entry.key, 'made');
    const name = `${tab.device.name} ${entry.id}`;
    if (known) this.receipts.set(name, Math.max(version, this.receipts.get(name) ?? 0));
  }

  /** Another client edits a record, knowing its state. */
  other(): void {
    const { random } = this;
    const id = random.pick([...this.ids, ...CHOSEN]);
    const found = this.server.records.get(id);
    if (CHOSEN.includes(id) && !found?.value)
      return void this.server.write(`other ${++this.#serial}`, id, { ...FIRST, goal: `other ${this.#serial}` }, []);
    if (!found?.value || random.chance(0.3)) return;
    if (random.chance(0.04) && !CHOSEN.includes(id))
      return void this.server.write(`other ${++this.#serial}`, id, null, []);
    const value = new Map(Object.entries(found.value));
    if (random.chance(0.5)) value.set(random.pick(SCALARS), `other ${++this.#serial}`);
    else {
      const tag = `other ${++this.#serial}`;
      const tags = value.get('tags') as string[];
      const gone = random.chance(0.3) ? random.pick(tags) : undefined;
      if (gone !== undefined) this.removed.add(`${id} ${gone}`);
      value.set('tags', [...tags.filter((other) => other !== gone), tag]);
      this.foreign.push([id, tag]);
    }
    this.server.write(`other ${++this.#serial}`, id, fromEntries(value), []);
  }

  /** Lets every message arrive, and checks what must hold at the end. */
  finish(): void {
    for (
      let rounds = 0;
      this.devices.some(({ stored }) => stored.entries.some(({ state }) => state !== 'parked'));
      rounds++
    ) {
      assert(rounds < 200, 'everything is sent at last');
      for (const device of this.devices) {
        const tab = device.tabs[0] as Tab;
        tab.state = device.stored;
        tab.inFlight.clear();
        commit(tab, (state) => recover(state));
        for (const n of sendable(tab.state, tab.inFlight)) {
          const entry = this.#frozen(tab, n);
          if (entry) this.receive(tab, entry, this.server.answer(entry));
        }
      }
      checkState(this);
    }
    // Late copies change nothing any more.
    const before = this.server.applied.length;
    for (const { entry, answer } of this.messages)
      if (!answer && this.fates.get(entry.key) === 'made') this.server.answer(entry);
    assert.equal(this.server.applied.length, before, 'a late copy has no effect');
    checkEnd(this);
    for (const [key, code] of this.refused) {
      const fate = this.fates.get(key) as string;
      assert(this.dealtWith.has(key) || ['parked', 'made'].includes(fate), `${code} of ${key} is parked`);
    }
    for (const { device, id } of this.acts) {
      const of = entriesOf(device.stored, { resource: RESOURCE, id });
      const creation = of.find(({ kind }) => kind === 'create');
      const alone = of.filter(({ sends, problem }) => creation && sends > 0 && problem?.code === 'not_found');
      assert.equal(alone.length, 0, 'nothing is sent after a refused creation');
    }
    for (const act of this.acts) {
      const fate = act.key === undefined ? 'withdrawn' : this.fates.get(act.key);
      assert(fate, 'every act was made, parked or withdrawn');
    }
  }
}

function known0(id: string): Omit<Known, 'version' | 'value'> {
  return { resource: RESOURCE, id, etag: null, updated: {}, receipt: 0 };
}
