/** The rig: many clients with outboxes, a bad network, and processes that are killed. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from 'esbuild';

import { Client } from '../../src/index.ts';
import { Random } from '../walk/random.ts';
import { Journal, type Line } from './journal.ts';
import { judge, type Verdict } from './judge.ts';
import { Network } from './network.ts';
import { count, current } from './records.ts';
import type { Mutant, Task } from './tab.ts';

export interface Settings {
  readonly url: string;
  readonly key: string;
  readonly seed: number;
  readonly clients: number;
  readonly processes: number;
  /** The edits of all clients together. */
  readonly edits: number;
  /** The records that all clients edit at a time. */
  readonly records: number;
  /** The kills of each process. */
  readonly kills: number;
  /** The shares of the requests that a fault befalls, of the first and of the last client. */
  readonly faults: readonly [number, number];
  readonly mutant?: Mutant;
}

const DAY = 86_400_000;
const PROJECT = { name: 'n', goal: 'g', issue: 'i', description: 'd', term: 3, term_unit: 'month' };

/** What the judge found, and what the clients had to bear. */
export interface Outcome extends Verdict {
  readonly requests: number;
  readonly kills: number;
}

/** Runs the rig, and judges it. */
export async function run(settings: Settings): Promise<Outcome> {
  const { url, key, seed, clients, processes, edits, records, faults } = settings;
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ripple-rig-'));
  const names = Array.from({ length: clients }, (_, number) => `c${seed}-${number}`);
  const [least, most] = faults;
  const rate = (client: string): number => least + ((most - least) * names.indexOf(client)) / (clients - 1);
  const network = new Network(url, random, rate);
  const client = new Client(url, { key, timeout: 600_000 });
  const hosts: Host[] = [];
  try {
    const program = join(folder, 'tab.mjs');
    const tab = new URL('tab.ts', import.meta.url).pathname;
    const how = { bundle: true, platform: 'node', format: 'esm', target: 'node22' } as const;
    await build({ ...how, entryPoints: [tab], outfile: program });
    const shared: string[] = [];
    for (let record = 0; record < count(edits, records); record++) {
      const value = { ...PROJECT, create_date: '2026-03-01', tags: ['first'], steps: [] };
      shared.push((await client.resource('prj').create(value)).record.id);
    }
    writeFileSync(join(folder, 'shared.json'), JSON.stringify(shared));
    const address = await network.start();
    const per = Math.ceil(clients / processes);
    for (let number = 0; number < processes; number++) {
      const part = names.slice(number * per, (number + 1) * per);
      const task = { url: address, key, folder, clients: part, edits: Math.floor(edits / clients), records };
      hosts.push(new Host(program, { ...task, seed: seed * 1000 + number, clock: 0, mutant: settings.mutant }, random));
    }
    // One record is deleted when a third of the edits are made. Edits that still wait for it are refused.
    const third = Math.floor(edits / processes / 3);
    const deleted = current(shared, 1 / 3, records).at(-1) ?? '';
    const deletion = hosts[1]?.at(third).then(() => client.resource('prj').delete(deleted));
    // The first process is away until the second has made two thirds of its edits. All records are written to then.
    const away = hosts[1]?.at(2 * third);
    const lives = hosts.map((host, number) => host.live(settings.kills, number === 0 ? away : undefined));
    await Promise.all([deletion, ...lives]);
    await network.arrived();
    const journal = (name: string): Line[] => new Journal(`${folder}/${name}.journal`).read();
    const journals = new Map(names.map((name) => [name, journal(name)]));
    const verdict = await judge(client, journals);
    return { ...verdict, requests: network.requests, kills: hosts.reduce((sum, { kills }) => sum + kills, 0) };
  } finally {
    for (const host of hosts) host.close();
    network.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A process with clients, in all its lives. */
class Host {
  kills = 0;
  readonly #program: string;
  readonly #task: Task;
  readonly #random: Random;
  readonly #waiting: { edits: number; resolve: () => void }[] = [];
  #edits = 0;
  #process: ChildProcess | undefined;

  constructor(program: string, task: Task, random: Random) {
    this.#program = program;
    this.#task = task;
    this.#random = random;
  }

  /** Resolves once the process has made a number of edits. */
  at(edits: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ edits, resolve }));
  }

  /** Starts the process, kills it and starts it again until its work is done. It stays dead once until `away`. */
  async live(kills: number, away?: Promise<void>): Promise<void> {
    const all = this.#task.edits * this.#task.clients.length;
    for (let life = 0; ; life++) {
      // Each life has a clock of its own, up to a month off. After the long pause, it is days later.
      const clock = life ? (this.#random.next() - 0.5) * 60 * DAY : 0;
      const marks = life < kills ? 1 + this.#random.below((2 * all) / (kills + 1)) : Infinity;
      if (await this.#life({ ...this.#task, clock: away && life === 1 ? 3 * DAY : clock }, marks)) break;
      this.kills++;
      if (life === 0) await away;
    }
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  close(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Runs the process to its end, or kills it after a number of marks. Returns whether its work is done. */
  #life(task: Task, marks: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const command = [this.#program, JSON.stringify(task)];
      const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
      this.#process = child;
      let left = marks;
      child.stdout.on('data', (part: Buffer) => {
        for (const mark of part.toString()) {
          if (mark === 'e') this.#edits++;
          if (--left === 0) child.kill('SIGKILL');
        }
        for (const one of this.#waiting) if (one.edits <= this.#edits) one.resolve();
      });
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0 || signal === 'SIGKILL') resolve(code === 0);
        else reject(new Error(`a process of the rig ended with ${code ?? signal}`));
      });
    });
  }
}
