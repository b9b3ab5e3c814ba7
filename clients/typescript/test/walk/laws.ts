/** The laws that hold in each state of a walk, and when everything was sent. */

import assert from 'node:assert/strict';

import { equal, own, type Json, type Members } from '../../src/json.ts';
import { entriesOf } from '../../src/outbox/decide.ts';
import { nameOf, type Entry } from '../../src/outbox/entry.ts';
import { view } from '../../src/outbox/view.ts';
import { RESOURCE, SCALARS, type Walk } from './walk.ts';

/** Checks what must hold when everything was sent. */
export function checkEnd(walk: Walk): void {
  checkOnce(walk);
  checkCreations(walk);
  checkTexts(walk);
  checkLists(walk);
  checkOrder(walk);
}

/** Checks what must hold in each state. */
export function checkState(walk: Walk): void {
  for (const { stored, name } of walk.devices) {
    for (const id of walk.ids) {
      const known = stored.records.get(nameOf({ resource: RESOURCE, id }));
      const receipt = walk.receipts.get(`${name} ${id}`) ?? 0;
      assert((known?.version ?? 0) >= receipt, 'a saved edit stays in view');
      const entries = entriesOf(stored, { resource: RESOURCE, id }).filter(({ state }) => state !== 'parked');
      const { value } = view(known, entries);
      if (!value) continue;
      const after = (place: number): Entry[] => entries.slice(place + 1);
      for (const [place, entry] of entries.entries()) {
        // The server's state is newer than the creation, or the creation is a second one of the same id.
        const first = entries.find(({ kind }) => kind === 'create');
        if (entry.kind === 'create' && (known?.value || entry !== first)) continue;
        for (const field of SCALARS) {
          const set = own(entry.set, field);
          if (set !== undefined && !after(place).some((later) => own(later.set, field) !== undefined))
            assert.deepEqual(value[field], set);
        }
        for (const tag of less(entry.set, entry.seen)) {
          const gone = after(place).some((later) => less(later.seen, later.set).includes(tag));
          if (!gone) assert((value.tags as Json[]).includes(tag), `the view of ${id} lacks ${String(tag)}`);
        }
        for (const tag of less(entry.seen, entry.set)) {
          const again = after(place).some((later) => (own(later.set, 'tags') as Json[] | undefined)?.includes(tag));
          const whole = own(entry.set, 'tags') === undefined;
          if (!again && !whole)
            assert(!(value.tags as Json[]).includes(tag), `the view of ${id} has ${String(tag)} again`);
        }
      }
    }
  }
}

function checkOnce(walk: Walk): void {
  const keys = walk.server.applied.map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length, 'no write takes effect twice');
}

/** What a device was told is created, the server has made of that very request. */
function checkCreations(walk: Walk): void {
  const applied = new Set(walk.server.applied.map(({ key }) => key));
  for (const { key, id } of walk.creations)
    assert(walk.fates.get(key) !== 'made' || applied.has(key), `${id} was created by another client`);
}

/** The last text that a device gave a field is the last one that the server took from that device. */
function checkTexts(walk: Walk): void {
  for (const device of walk.devices) {
    for (const id of walk.ids) {
      for (const field of SCALARS) {
        const acts = walk.acts.filter(
          (act) => act.device === device && act.id === id && own(act.texts, field) !== undefined,
        );
        const sent = acts.filter(({ key }) => key !== undefined && walk.fates.get(key) === 'made');
        const last = sent.at(-1);
        if (
          !last ||
          acts.slice(acts.indexOf(last) + 1).some(({ key }) => key === undefined || walk.fates.get(key) === 'withdrawn')
        )
          continue;
        if (walk.fellOut.has(`${last.key} ${field}`)) continue;
        const bytes = walk.bytes.get(last.key as string) as string;
        assert(bytes.includes(JSON.stringify(last.texts[field])), `${device.name} lost ${JSON.stringify(last.texts)}`);
      }
    }
  }
}

/** What was added is there once, unless it was removed by an author who saw it. */
function checkLists(walk: Walk): void {
  const added = walk.acts.filter(({ key }) => key !== undefined && walk.fates.get(key) === 'made');
  const expected = [
    ...added.flatMap((act) => act.added.map((text): [string, string] => [act.id, text])),
    ...walk.foreign,
  ];
  for (const [id, text] of expected) {
    const value = walk.server.records.get(id)?.value;
    if (!value) continue;
    const tags = [...(value.tags as string[]), ...(value.steps as Members[]).map((step) => step.text as string)];
    const times = tags.filter((tag) => tag === text).length;
    if (!walk.removed.has(`${id} ${text}`)) assert.equal(times, 1, `${text} is in ${id} once`);
    else assert(times <= 1);
  }
}

/** The writes of one device to one record take effect in their order. */
function checkOrder(walk: Walk): void {
  for (const device of walk.devices) {
    for (const id of walk.ids) {
      const keys = [
        ...new Set(walk.acts.filter((act) => act.device === device && act.id === id).flatMap(({ key }) => key ?? [])),
      ];
      const order = walk.server.applied
        .filter((applied) => applied.id === id && keys.includes(applied.key))
        .map(({ key }) => keys.indexOf(key));
      assert.deepEqual(
        order,
        [...order].sort((one, other) => one - other),
        'writes keep their order',
      );
    }
  }
}

/** Returns the tags of one side that the other lacks. */
export function less(one: Members, other: Members): Json[] {
  const [tags, others] = [own(one, 'tags') ?? [], own(other, 'tags') ?? []];
  return (tags as Json[]).filter((tag) => !(others as Json[]).some((two) => equal(tag, two)));
}
