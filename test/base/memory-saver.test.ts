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
