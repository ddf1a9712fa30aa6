/**
 * Random actions against the model in world.ts. A failure names its seed: `POSTERN_TORTURE_SEED=n` runs that one,
 * `POSTERN_TORTURE_RUNS=n` runs more of them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Follower, type FollowPosition } from '../../src/follow/follower.ts';
import type { Line } from '../../src/model/line.ts';
import { type ExpectedLine, World } from './world.ts';

const RUNS = Number(process.env.POSTERN_TORTURE_RUNS ?? 150);
const SEED = process.env.POSTERN_TORTURE_SEED;

test('random rotations, restarts and reads against a model', { timeout: 3_600_000 }, async () => {
  const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(SEED);
  for (let run = 0; run < (SEED === undefined ? RUNS : 1); run++) await play(first + run);
});

/** What the caller of the follower stores, in one transaction. */
class Reader {
  readonly lines: Line[] = [];
  readonly #path: string;
  readonly #batchBytes: number;
  #position: FollowPosition | undefined;
  #follower: Follower;

  constructor(path: string, batchBytes: number) {
    this.#path = path;
    this.#batchBytes = batchBytes;
    this.#follower = this.#start();
  }

  /** Takes one batch and stores it with its position. */
  async read(): Promise<boolean> {
    const batch = await this.#follower.poll();
    if (batch === undefined) return false;
    this.lines.push(...batch.lines);
    this.#position = JSON.parse(JSON.stringify(batch.position));
    return true;
  }

  async readAll(): Promise<void> {
    while (await this.read());
  }

  /** Dies, perhaps between reading a batch and storing it, and starts again from what was stored. */
  async restart(inTheMiddle: boolean): Promise<void> {
    if (inTheMiddle) await this.#follower.poll();
    await this.#follower.close();
    this.#follower = this.#start();
  }

  async close(): Promise<void> {
    await this.#follower.close();
  }

  #start(): Follower {
    return new Follower({
      path: this.#path,
      signal: new AbortController().signal,
      maxBatchBytes: this.#batchBytes,
      grace: 0,
      watch: false,
      ...(this.#position === undefined ? {} : { position: this.#position }),
    });
  }
}

async function play(seed: number): Promise<void> {
  const random = generator(seed);
  const folder = mkdtempSync(join(tmpdir(), 'postern-follow-'));
  const world = new World(folder, random(2) === 0);
  const reader = new Reader(world.path, [16, 64, 1000, 65_536][random(4)] as number);
  const done: string[] = [];
  try {
    const deletes = random(2) === 0;
    await reader.read(); // the first start, before anything happens
    for (let step = 10 + random(40); step > 0; step--) {
      done.push(await act(world, reader, random, deletes));
    }
    world.reopen();
    world.write('the end\n');
    await reader.readAll();
    compare(deletes ? inOrderOf(world.expected, reader.lines) : reader.lines, world.expected);
  } catch (error) {
    throw new Error(`seed ${seed}: ${done.join(', ')}\n${String(error)}`, { cause: error });
  } finally {
    await reader.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Random = (below: number) => number;
type Action = readonly [
  weight: number,
  name: string,
  act: (world: World, reader: Reader) => unknown,
];

function actions(random: Random, deletes: boolean): readonly Action[] {
  return [
    [8, 'line', (world) => world.line('x'.repeat(random(4) === 0 ? random(3000) : random(20)))],
    [3, 'partial', (world) => world.partial()],
    [2, 'rotate', (world) => world.rotate(random(2) === 0)],
    [2, 'reopen', (world) => world.reopen()],
    [1, 'copytruncate', (world) => world.copytruncate()],
    [1, 'compress', (world) => world.compress()],
    [1, 'rotate twice', (world) => void [world.rotate(true), world.line(), world.rotate(false)]],
    [4, 'read', (_, reader) => reader.read()],
    [2, 'read all', (_, reader) => reader.readAll()],
    [2, 'restart', (_, reader) => reader.restart(random(2) === 0)],
    [deletes ? 1 : 0, 'empty', (world) => world.empty()],
    [deletes ? 1 : 0, 'remove', (world) => world.remove()],
  ];
}

async function act(
  world: World,
  reader: Reader,
  random: Random,
  deletes: boolean,
): Promise<string> {
  const all = actions(random, deletes);
  let choice = random(all.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, name, run] of all) {
    choice -= weight;
    if (choice >= 0) continue;
    await run(world, reader);
    return name;
  }
  return 'nothing';
}

/** A file deleted beside an unread copy of its earlier content may come before that copy: then only the order differs. */
function inOrderOf(expected: readonly ExpectedLine[], lines: readonly Line[]): Line[] {
  const rank = new Map(expected.map((line, index) => [line.text, index]));
  return lines.toSorted((a, b) => (rank.get(a.bytes) ?? -1) - (rank.get(b.bytes) ?? -1));
}

/** All lines are in order, none twice, none invented, and none missing that must be there. */
function compare(lines: readonly Line[], expected: readonly ExpectedLine[]): void {
  let next = 0;
  for (const line of expected) {
    const got = lines[next];
    if (got?.bytes === line.text) {
      expect({ offset: got.offset, line: got.line }, got.bytes).toEqual({
        offset: line.offset,
        line: line.line,
      });
      next++;
    } else if (line.must) {
      throw new Error(`"${line.text.slice(0, 40)}" is missing; got "${got?.bytes.slice(0, 40)}"`);
    }
  }
  expect(lines.slice(next).map((line) => line.bytes)).toEqual([]);
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
