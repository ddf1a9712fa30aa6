/** What is wrong with counting together, one line each, for `postern status`. */
import { formatTime } from '../../base/time.ts';
import type { ShareHealth, ShareHost } from '../../store/saved-state.ts';

/** A clock that is further off than this is named, ms. */
const MOST_AHEAD = 2000;

export function findShareProblems(share: ShareHealth | undefined): string[] {
  if (share === undefined) return [];
  const { failure, since = 0, waiting, lost, ahead = 0, clamped, refused, hosts } = share;
  const problems: string[] = [];
  if (failure !== undefined) {
    const state = `this server counts and blocks alone, ${waiting} entries wait`;
    problems.push(`share: the engine is away since ${formatTime(since)}, ${state}: ${failure}`);
  }
  if (lost > 0) problems.push(`share: ${lost} entries were dropped, because too many waited`);
  if (Math.abs(ahead) > MOST_AHEAD)
    problems.push(`share: the clock of this server is ${describeAhead(ahead)} the engine's`);
  if (clamped > 0)
    problems.push(`share: ${clamped} events had a time more than a minute in the future`);
  if (refused > 0)
    problems.push(`share: ${refused} events count here only: too many within an hour`);
  return [...problems, ...hosts.flatMap(findHostProblems)];
}

function findHostProblems({ host, present, ahead = 0, sameRules, future }: ShareHost): string[] {
  if (!present) return [`share: nothing was heard of ${host} for more than a minute`];
  const problems: string[] = [];
  if (!sameRules) problems.push(`share: ${host} has other rules, or another version of them`);
  if (future === true)
    problems.push(
      `share: ${host} wrote blocks or releases with a time in the future, which do not count`,
    );
  if (Math.abs(ahead) > MOST_AHEAD)
    problems.push(`share: the clock of ${host} is ${describeAhead(ahead)} the engine's`);
  return problems;
}

/** `3.1 s ahead of`, `2.5 s behind`. */
function describeAhead(ahead: number): string {
  const seconds = (Math.abs(ahead) / 1000).toFixed(1);
  return ahead > 0 ? `${seconds} s ahead of` : `${seconds} s behind`;
}
