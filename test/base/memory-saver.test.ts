import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { MemorySaver } from '../../src/base/memory-saver.ts';

const MB = 1_000_000;
const thrift = new MemorySaver();
afterEach(() => thrift.look(0)); // the flag is the whole process's

// What it brings is measured by test/resources, whose floods stay below their bound only with it.
it('begins above 80 MB and ends below 70, so that it does not flutter', () => {
  const seen = [60, 79, 81, 75, 71, 69, 79].map((resident) => thrift.look(resident * MB));
  expect(seen).toEqual([false, false, true, true, true, false, false]);
});

it('lets the heap grow less above 190 MB until it is below 170, and then as the launcher does', () => {
  const flags: string[] = [];
  const saver = new MemorySaver((flag) => void flags.push(flag));
  for (const resident of [189, 191, 200, 171, 169, 90, 60]) saver.look(resident * MB);
  const launcher = readFileSync(resolve('bin/postern'), 'utf8');
  expect(flags).toEqual([
    '--optimize-for-size',
    '--heap-growing-percent=10',
    /--heap-growing-percent=\d+/.exec(launcher)?.[0],
    '--no-optimize-for-size',
  ]);
});
