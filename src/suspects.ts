/**
 * Suspect providers as they are kept and shown: each with when it began and when it ended. The judge finds them,
 * the pipeline writes them into the store with the batch, `status`, `report` and the notices read them there.
 */
import type { Log } from './base/log.ts';
import { DAY, formatTime } from './base/time.ts';
import type { Suspect } from './judge/guard.ts';
import type { SuspectChange } from './judge/guard-watch.ts';
import type { Key, Verdict } from './model/block.ts';
import type { Store } from './store/store.ts';

/** A time during which a provider's refusals did not count, ms. */
export interface SuspectPeriod {
  readonly provider: string;
  readonly began: number;
  /** since when its refusals were taken back */
  readonly since: number;
  /** submitters it refused, of those who were in touch with it, when it was found out */
  readonly refused: number;
  readonly active: number;
  /** percent of submitters that it usually refuses */
  readonly usual: number;
  /** whose verdicts were withdrawn */
  readonly released: readonly { readonly rule: string; readonly key: Key }[];
  readonly ended?: number;
}

const KEPT = 200;
const KEPT_FOR = 90 * DAY;
const NAME = 'suspects';

/** Takes a change into the list, oldest first. */
export function noteSuspicion(periods: SuspectPeriod[], change: SuspectChange): void {
  if (change.change === 'began') {
    periods.push(periodOf(change));
    return;
  }
  const { provider, began, ended } = change.suspect;
  const at = periods.findIndex((period) => period.provider === provider && period.began === began);
  const period = periods[at];
  if (period !== undefined) periods[at] = { ...period, ended };
}

/** A suspicion as it begins. */
export function periodOf(change: SuspectChange & { readonly change: 'began' }): SuspectPeriod {
  const { provider, began, since, refused, active, usual } = change.suspect;
  const released = change.withdrawn.map(({ rule, key }: Verdict) => ({ rule, key }));
  return { provider, began, since, refused, active, usual, released };
}

/** Those that the store knows of, oldest first. */
export function suspectPeriods(store: Store): readonly SuspectPeriod[] {
  return (store.state.read(NAME) as readonly SuspectPeriod[] | undefined) ?? [];
}

/** Writes changes into the store; inside the transaction of their batch. `now` in ms. */
export function saveSuspicions(store: Store, changes: readonly SuspectChange[], now: number): void {
  const periods = [...suspectPeriods(store)];
  for (const change of changes) noteSuspicion(periods, change);
  const kept = periods.filter(({ ended }) => ended === undefined || ended > now - KEPT_FOR);
  store.state.write(NAME, kept.slice(-KEPT));
}

/** Ends what the store takes for running and the judge, made anew, does not: its rules have changed. */
export function settleSuspects(store: Store, suspects: readonly Suspect[], now: number): void {
  const running = new Set(suspects.map(({ provider }) => provider));
  const periods = suspectPeriods(store);
  const isOver = ({ provider, ended }: SuspectPeriod) =>
    ended === undefined && !running.has(provider);
  if (!periods.some(isOver)) return;
  store.state.write(
    NAME,
    periods.map((period) => (isOver(period) ? { ...period, ended: now } : period)),
  );
}

/** Says in the service's own log which providers have become suspect, and which are believed again. */
export function logSuspicions(log: Log, changes: readonly SuspectChange[]): void {
  for (const change of changes) {
    const { provider, refused, active } = change.suspect;
    if (change.change === 'ended') {
      log.info({ provider }, 'refusals of this provider count again');
      continue;
    }
    const released = change.withdrawn.map(({ key }) => key);
    const seen = { provider, refused, active, released };
    log.warn(seen, 'provider is suspect, its refusals do not count');
  }
}

/** One line about it, times in UTC. */
export function suspectText({ provider, began, ended, refused, active }: SuspectPeriod): string {
  const until = ended === undefined ? '' : ` to ${shortTime(ended)}`;
  const from = `${ended === undefined ? 'since ' : ''}${shortTime(began)}`;
  return `${provider} ${from}${until}: refused ${refused} of ${active} submitters at once`;
}

/** Times as RFC 3339. */
export function suspectJson(period: SuspectPeriod): Record<string, unknown> {
  const { began, since, ended, ...rest } = period;
  return {
    ...rest,
    began: formatTime(began),
    since: formatTime(since),
    ...(ended === undefined ? {} : { ended: formatTime(ended) }),
  };
}

function shortTime(ms: number): string {
  return `${formatTime(ms).slice(0, 16).replace('T', ' ')}Z`;
}
