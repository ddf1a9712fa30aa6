/**
 * Tries each way on which mail of blocked submitters comes in: whether Exim takes a message when nobody is blocked, and
 * what it does with the same message when its submitter is.
 */
import type { EximTargets } from '../../config/load.ts';
import type { Origin, Outcome, Trial } from './trial.ts';
import type { Place, Way } from './ways.ts';

/** `untried`: why the trial says nothing, the end of a sentence. */
export type Result = 'stopped' | 'passes' | { readonly untried: string };

/** Nothing is ever sent there: the domain is reserved, and accepts no mail (RFC 2606, RFC 7505). */
const ABROAD = 'postern-check@example.org';

/** One result for each of `ways`. */
export async function tryWays(
  trial: Trial,
  ways: readonly Way[],
  targets: EximTargets,
  place: Place,
): Promise<Result[]> {
  const recipients = [ABROAD, place.sender];
  const trials = ways.flatMap((way, index) =>
    way.trials(place).map((each) => ({ ...each, index, file: way.file(targets) })),
  );
  trial.list(new Map());
  const usual = await sendOnce(
    trial,
    trials.map(({ origin }) => origin),
    recipients,
  );
  const results: Result[][] = ways.map(() => []);
  // All that one line must stop at once; then the next line.
  for (const group of groupBy(trials, ({ file, line }) => `${file}\n${line}`)) {
    const { file, line } = group[0] as (typeof trials)[number];
    trial.list(new Map([[file, line]]));
    await Promise.all(
      group.map(async ({ index, origin }) => {
        const before = usual.get(JSON.stringify(origin)) as Outcome;
        const result = isTaken(before)
          ? compare(before, await trial.send(origin, recipients))
          : { untried: describeRefusal(before) };
        results[index]?.push(result);
      }),
    );
  }
  return results.map(combine);
}

function isTaken({ passed }: Outcome): boolean {
  return passed.length > 0;
}

/** Mail to other servers counts, unless the server takes none. */
function compare(before: Outcome, blocked: Outcome): Result {
  const [recipient = ''] = before.passed;
  return blocked.passed.includes(recipient) ? 'passes' : 'stopped';
}

function describeRefusal({ answer }: Outcome): string {
  return answer === undefined
    ? 'Exim freezes or drops this mail of everybody'
    : `Exim answers everybody: ${answer}`;
}

/** One message for each different origin. */
async function sendOnce(
  trial: Trial,
  origins: readonly Origin[],
  recipients: readonly string[],
): Promise<ReadonlyMap<string, Outcome>> {
  const different = new Map(origins.map((origin) => [JSON.stringify(origin), origin]));
  const outcomes = [...different].map(
    async ([key, origin]) => [key, await trial.send(origin, recipients)] as const,
  );
  return new Map(await Promise.all(outcomes));
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}

/** A port on which nobody's mail is taken says nothing, if there is another one. */
function combine(results: readonly Result[]): Result {
  if (results.includes('passes')) return 'passes';
  if (results.includes('stopped')) return 'stopped';
  return results[0] ?? { untried: 'nothing of this kind comes in here' };
}
