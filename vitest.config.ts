import { defineConfig } from 'vitest/config';

/** Tests that run whole services or servers, each with ports and a folder of its own. Most of the time they wait. */
const SERVICES = [
  'test/e2e/**/*.test.ts',
  'test/torture/**/*.test.ts',
  'test/service/**/*.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: SERVICES,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Many wait for another process most of the time.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'services',
          include: SERVICES,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          // Real servers and real time on a busy machine: once more, then it counts.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
