/**
 * Suspect providers as they are kept and shown: each with when it began and when it ended. The judge finds them,
 * the pipeline writes them into the store with the batch, `status`, `report` and the notices read them there.
 */
import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import { DAY, formatTime } from '../base/time.ts';
import type { Outage } from '../judge/outage/guard.ts';
import { ProviderNames } from '../judge/outage/provider.ts';
import type { OutageChange } from '../judge/outage/watch.ts';
import type { Key, Verdict } from '../model/block.ts';
import { isInvalid, type MailEvent } from '../model/event.ts';
import type { Store } from '../store/store.ts';

/** A time during which a provider's refusals did not count, ms. */
export interface OutagePeriod {
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

/** Takes a change into the list, oldest first. */
export function noteOutage(periods: OutagePeriod[], change: OutageChange): void {
  if (change.change === 'began') {
    periods.push(startPeriod(change));
    return;
  }
  const { provider, began, ended } = change.suspect;
  const at = periods.findIndex((period) => period.provider === provider && period.began === began);
  const period = periods[at];
  if (period !== undefined) periods[at] = { ...period, ended };
}

/** A suspicion as it begins. */
export function startPeriod(change: OutageChange & { readonly change: 'began' }): OutagePeriod {
  const { provider, began, since, refused, active, usual } = change.suspect;
  const released = change.withdrawn.map(({ rule, key }: Verdict) => ({ rule, key }));
  return { provider, began, since, refused, active, usual, released };
}

/** Those that the store knows of, oldest first. */
export function loadOutages(store: Store): readonly OutagePeriod[] {
  return store.state.read('suspects') ?? [];
}

/** Tells in which of the periods a refusal fell that is not believed; undefined: it is, or is no such refusal. */
export function buildOutageLookup(
  periods: readonly OutagePeriod[],
): (event: MailEvent) => OutagePeriod | undefined {
  const names = new ProviderNames();
  return (event) => {
    if (periods.length === 0 || event.relay === undefined || !isInvalid(event)) return undefined;
    const provider = names.of(event.relay);
    return periods.find((period) => period.provider === provider && isDiscounted(event, period));
  };
}

/** Like the judge: what came before the provider was found out is taken back only of mail of our own. */
function isDiscounted(
  { time, direction }: MailEvent,
  { began, since, ended }: OutagePeriod,
): boolean {
  if (time < since || (ended !== undefined && time >= ended)) return false;
  return time >= began || direction !== 'inbound';
}

/**
 * Whether the provider was found out only after the verdict, which so rests on its refusals as well. A log may tell
 * no more than the second: of the same one are those verdicts before it that were withdrawn.
 */
export function isBefore({ time, rule, key }: Verdict, period: OutagePeriod): boolean {
  if (time !== period.began) return time < period.began;
  return period.released.some(
    (one) => one.rule === rule && one.key.type === key.type && one.key.id === key.id,
  );
}

/** Writes changes into the store; inside the transaction of their batch. `now` in ms. */
export function saveOutages(store: Store, changes: readonly OutageChange[], now: number): void {
  const periods = [...loadOutages(store)];
  for (const change of changes) noteOutage(periods, change);
  const kept = periods.filter(({ ended }) => ended === undefined || ended > now - KEPT_FOR);
  store.state.write('suspects', kept.slice(-KEPT));
}

/** Ends what the store takes for running and the judge, made anew, does not: its rules have changed. */
export function settleOutages(store: Store, suspects: readonly Outage[], now: number): void {
  const running = new Set(suspects.map(({ provider }) => provider));
  const periods = loadOutages(store);
  const isOver = ({ provider, ended }: OutagePeriod) =>
    ended === undefined && !running.has(provider);
  if (!periods.some(isOver)) return;
  store.state.write(
    'suspects',
    periods.map((period) => (isOver(period) ? { ...period, ended: now } : period)),
  );
}

/** Says in the service's own log which providers have become suspect, and which are believed again. */
export function logOutages(log: Log, changes: readonly OutageChange[]): void {
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
export function outageText({ provider, began, ended, refused, active }: OutagePeriod): string {
  const until = ended === undefined ? '' : ` to ${shortTime(ended)}`;
  const from = `${ended === undefined ? 'since ' : ''}${shortTime(began)}`;
  return `${provider} ${from}${until}: refused ${refused} of ${active} submitters at once`;
}

/** Times as RFC 3339. */
export function outageJson(period: OutagePeriod): Record<string, unknown> {
  const { began, since, ended, ...rest } = period;
  return dropUndefined({
    ...rest,
    began: formatTime(began),
    since: formatTime(since),
    ended: ended === undefined ? undefined : formatTime(ended),
  });
}

function shortTime(ms: number): string {
  return `${formatTime(ms).slice(0, 16).replace('T', ' ')}Z`;
}
