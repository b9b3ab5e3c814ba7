/** Runs the cases of clients/conformance.jsonl, which every client passes. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Client, equal, Problem, type Json, type Members, type Record } from '../../src/index.ts';
import { fromEntries, isList, isMembers, own, parse, write } from '../../src/json.ts';
import { uuid } from '../../src/ids.ts';
import { live, type Event, type Live } from '../../src/live.ts';
import { KEY, OTHER_KEY, PROJECT, URL_OF_RIPPLE } from '../environment.ts';
import { Network } from '../network.ts';
import { opened, sockets } from '../sockets.ts';

/** What this client lacks, and why a case that needs it is skipped. */
const lacks = new Map<Json, string>();

class Run {
  readonly network = new Network();
  readonly client = new Client(URL_OF_RIPPLE, { key: KEY, fetch: this.network.fetch, sleep: async () => undefined });
  readonly prj = this.client.resource('prj');
  readonly names = new Map<string, unknown>([
    ['u', uuid()],
    ['P', PROJECT],
  ]);

  async step(step: Members): Promise<void> {
    await ('call' in step ? this.#call(step) : this.#plain(step));
  }

  async #plain(step: Members): Promise<void> {
    const given = this.#fill((step.h ?? {}) as Members);
    const headers = new Headers(given as { [name: string]: string });
    headers.set('x-api-key', 'o' in step ? OTHER_KEY : KEY);
    const body = 'b' in step ? write(this.#fill(step.b as Json)) : null;
    if (body !== null && !headers.has('content-type')) headers.set('content-type', 'application/json');
    const method = String(step.m ?? step.o);
    const response = await fetch(URL_OF_RIPPLE + String(this.#fill(step.p as Json)), { method, headers, body });
    const text = await response.text();
    assert.equal(response.status, step.is, text);
    const value = text ? parse(text) : null;
    this.#compare(step.want, value);
    for (const [name, pattern] of members(step.head))
      assert.match(response.headers.get(name) ?? '', new RegExp(String(pattern)));
    if (step.text !== undefined) assert.match(text, new RegExp(String(step.text)));
    for (const [name, place] of members(step.keep)) {
      this.names.set(
        name,
        String(place).startsWith('@') ? response.headers.get(String(place).slice(1)) : at(value, String(place)),
      );
    }
  }

  async #call(step: Members): Promise<void> {
    this.network.faults = [...((step.fault ?? []) as string[])];
    const before = this.network.requests;
    try {
      const result = await this.#perform(step);
      assert(!('raises' in step), `${write(step)} raises nothing`);
      this.#compare(step.gives, result);
      for (const [name, place] of members(step.keep)) this.names.set(name, at(result, String(place)));
      if (step.as !== undefined) this.names.set(String(step.as), result);
    } catch (problem) {
      if (!(problem instanceof Problem) || !('raises' in step)) throw problem;
      for (const [name, value] of members(this.#fill(step.raises as Json))) {
        if (name !== 'fields') assert.equal(problem[name as keyof Problem], value);
        else
          for (const [pointer, pattern] of members(value))
            assert.match(problem.fields.get(pointer) ?? '', new RegExp(String(pattern)));
      }
    }
    assert.deepEqual(this.network.faults, [], 'every fault has occurred');
    if (step.requests !== undefined) assert.equal(this.network.requests - before, step.requests);
    this.#compare(step.sent, this.network.body === undefined ? null : parse(this.network.body));
  }

  async #perform(step: Members): Promise<unknown> {
    const given = step.with === undefined ? undefined : this.#fill(step.with);
    const id = step.id === undefined ? undefined : String(this.#fill(step.id));
    switch (step.call) {
      case 'create':
        return this.prj.create(given as Members, id === undefined ? {} : { id });
      case 'get':
        return this.prj.get(String(id));
      case 'edit': {
        const record =
          step.on === undefined ? await this.prj.get(String(id)) : (this.names.get(String(step.on)) as Record<Members>);
        return this.prj.edit(record, (draft) => void Object.assign(draft, this.#fill(step.set as Json)));
      }
      case 'delete':
        return this.prj.delete(String(id));
      case 'list': {
        const { session: _, ...query } = given as Members; // every request of the client carries its session
        return this.prj.list(query).all();
      }
      case 'count':
        return this.prj.count(given as Members);
      case 'session':
        this.client.session = String(given);
        return undefined;
      case 'live': {
        const channel = live(this.prj);
        const iterator = channel[Symbol.asyncIterator]();
        const first = iterator.next();
        await opened(channel);
        return { channel, iterator, first };
      }
      case 'next': {
        const on = this.names.get(String(step.on)) as Following;
        for (;;) {
          const { value } = await (on.first ?? on.iterator.next());
          on.first = undefined;
          if (members(this.#fill(step.where as Json)).every(([place, wanted]) => equal(at(value, place) as Json, wanted)))
            return value;
        }
      }
      case 'cut':
        sockets.at(-1)?.close();
        return undefined;
      default:
        return assert.fail(`there is no call ${String(step.call)}`);
    }
  }

  #compare(expected: Json | undefined, value: unknown): void {
    for (const [place, wanted] of members(expected)) {
      const found = at(value, place);
      assert(equal(found as Json, this.#fill(wanted)), `${place} is ${JSON.stringify(found)} and not ${write(wanted)}`);
    }
  }

  /** Ends what the run has opened. */
  close(): void {
    for (const named of this.names.values()) (named as Partial<Following> | undefined)?.channel?.close();
  }

  /** Returns the value with its `$names` replaced. */
  #fill(value: Json): Json {
    if (isList(value)) return value.map((entry) => this.#fill(entry));
    if (isMembers(value)) {
      return fromEntries(
        Object.entries(value).flatMap(([name, member]) =>
          name === '…' ? members(this.#fill(member)) : [[name, this.#fill(member)] as [string, Json]],
        ),
      );
    }
    if (typeof value !== 'string') return value;
    const whole = /^\$(\w+)(?:\.(\w+))?$/.exec(value);
    if (whole?.[1] === undefined) return value.replace(/\$(\w+)/g, (_, name: string) => String(this.names.get(name)));
    const named = this.names.get(whole[1]);
    return (whole[2] === undefined ? named : own(named as Members, whole[2])) as Json;
  }
}

/** A live channel that a case follows. */
interface Following {
  readonly channel: Live<Members>;
  readonly iterator: AsyncGenerator<Event>;
  first: Promise<IteratorResult<Event>> | undefined;
}

function members(value: Json | undefined): [string, Json][] {
  return isMembers(value) ? Object.entries(value) : [];
}

/** Returns the value at a JSON Pointer. `length` is the length of a list. */
function at(value: unknown, pointer: string): unknown {
  let found = value;
  for (const name of pointer.split('/').slice(1)) {
    found = (found as { [name: string]: unknown } | undefined)?.[name.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return found;
}

const cases = readFileSync(new URL('../../../conformance.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
for (const line of cases) {
  const made = parse(line) as Members;
  const skip = made.needs === undefined ? undefined : lacks.get(made.needs);
  test(String(made.n), skip === undefined ? {} : { skip }, async () => {
    const run = new Run();
    try {
      for (const step of made.do as Members[]) await run.step(step);
    } finally {
      run.close();
    }
  });
}
