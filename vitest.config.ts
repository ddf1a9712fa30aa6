import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Tests that run whole services or servers, each with ports and a folder of its own. Most of the time they wait. */
const SERVICES = [
  'test/e2e/**/*.test.ts',
  'test/torture/**/*.test.ts',
  'test/service/**/*.test.ts',
  'test/audit/{harden-exim,harden-postfix,probe}.test.ts',
  'test/setup/return-path-exim.test.ts',
  'test/{report,web}/browser.test.ts',
];

/**
 * Takes files of all projects in turn, the long ones of each first. Then files that compute run beside files that wait;
 * vitest itself would begin a project after the one before.
 */
class InTurn extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = new Set(sorted.map(({ project }) => project));
    return [...projects]
      .map((project) => sorted.filter((file) => file.project === project))
      .flatMap((own) => own.map((file, index) => ({ file, part: index / own.length })))
      .sort((a, b) => a.part - b.part)
      .map(({ file }) => file);
  }
}

/** For all projects together. More than processors: many files wait, for a mail server or for a time. */
const maxWorkers = 2 * availableParallelism();

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: InTurn },
    projects: [
      {
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: SERVICES,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers,
        },
      },
      {
        test: {
          name: 'services',
          include: SERVICES,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers,
          // Real servers and real time on a busy machine: once more, then it counts.
          retry: 1,
        },
      },
    ],
  },
});
