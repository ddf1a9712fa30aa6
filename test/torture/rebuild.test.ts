/**
 * What a judge remembers is not stored: it is rebuilt from events, verdicts and blocks. A process that is restarted at
 * any time must judge like one that never ended, including keys that were released, capped, or judged too late.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatTime, HOUR, MINUTE } from '../../src/base/time.ts';
import { Bench, bounceLines } from './bench.ts';
import { isLong, seed } from './form.ts';

const RULES = [
  'name: often\ndescription: d\ncount: invalid\nper: user\nlimit: 3\nperiod: 1h\naction: block\nfor: 30m\nescalation: [2h]\nfresh: 20m\n',
  'name: seen\ndescription: d\ncount: invalid\nper: user\nlimit: 2\nperiod: 30m\naction: observe\nfresh: 20m\n',
  'name: day\ndescription: d\ncount: invalid\nper: user\ndistinct: recipient\nlimit: 6\nperiod: 1d\naction: block\n',
];

type Step =
  | {
      readonly do: 'bounce';
      readonly user: number;
      readonly late: number;
      readonly times: number;
    }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'block'; readonly user: number; readonly minutes: number | undefined }
  | { readonly do: 'unblock'; readonly user: number }
  | { readonly do: 'restart' };

const user = fc.integer({ min: 0, max: 2 }).map((number) => number + (number === 2 ? 1 : 0));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('bounce' as const),
      user,
      late: fc.constantFrom(0, 0, 0, 0, 5, 40, 40, 100),
      times: fc.constantFrom(1, 1, 1, 2, 4),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 7, 25, 61),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unblock' as const), user }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('block' as const),
      user,
      minutes: fc.constantFrom(undefined, 20, 90),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'restart' as const }) },
);

/** The lines of the steps, made once: both runs read the same. */
interface Told {
  readonly step: Step;
  readonly now: number;
  readonly lines: readonly string[];
}

function tell(steps: readonly Step[]): Told[] {
  let now = Date.UTC(2026, 10, 10, 12);
  return steps.map((step) => {
    now += step.do === 'wait' ? step.minutes * MINUTE : 1000;
    const lines =
      step.do === 'bounce'
        ? Array.from({ length: step.times }, () =>
            bounceLines(`user${step.user}@example.net`, formatTime(now - step.late * MINUTE)),
          ).flat()
        : [];
    return { step, now, lines };
  });
}

async function run(told: readonly Told[], restarts: boolean) {
  const bench = new Bench({
    rules: RULES,
    policy: { blocksPerHour: 2 },
    allowed: ['user3@example.net'],
  });
  try {
    for (const { step, now, lines } of told) {
      bench.now = now;
      bench.expire();
      if (step.do === 'bounce') await bench.feed(...lines);
      else if (step.do === 'block') bench.block(`user${step.user}@example.net`, step.minutes);
      else if (step.do === 'unblock') bench.unblock(`user${step.user}@example.net`);
      else if (step.do === 'restart' && restarts) bench.restart();
    }
    return bench.store.verdicts.between(0, 1e15).map(({ verdict, outcome }) => {
      const { rule, key, time, count, duration } = verdict;
      return `${formatTime(time)} ${rule} ${key.id} ${count} ${duration} ${outcome}`;
    });
  } finally {
    bench.remove();
  }
}

console.log(`seed ${seed}`);

it('judges after any restart as if there had been none', { timeout: HOUR }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const told = tell(steps);
      expect(await run(told, true)).toEqual(await run(told, false));
    }),
    { numRuns: isLong ? 1000 : 30, seed },
  );
});
