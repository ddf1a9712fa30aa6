/** Provider outages as people read them, and the refusals that did not count because of them. */
import { formatMinute, formatTimes } from '../base/time.ts';
import { ProviderNames } from '../judge/outage/provider.ts';
import type { Verdict } from '../model/block.ts';
import { isInvalid, type MailEvent } from '../model/event.ts';
import type { Outage } from '../model/outage.ts';

/** Finds the outage that a refusal fell into; the function returns undefined for every other event. */
export function buildOutageLookup(
  outages: readonly Outage[],
): (event: MailEvent) => Outage | undefined {
  const names = new ProviderNames();
  return (event) => {
    if (outages.length === 0 || event.relay === undefined || !isInvalid(event)) return undefined;
    const provider = names.get(event.relay);
    return outages.find((outage) => outage.provider === provider && isDuring(event, outage));
  };
}

/** Like the judge: what came before the outage was detected is only taken back if it was our own mail. */
function isDuring({ time, direction }: MailEvent, { began, since, ended }: Outage): boolean {
  if (time < since || (ended !== undefined && time >= ended)) return false;
  return time >= began || direction !== 'inbound';
}

/**
 * Whether the outage was detected only after the verdict, so that its refusals are in the verdict's count. A log may give
 * the time in seconds. Of the verdicts in the same second, those that were taken back came before.
 */
export function isBefore({ time, rule, key }: Verdict, outage: Outage): boolean {
  if (time !== outage.began) return time < outage.began;
  return outage.released.some(
    (one) => one.rule === rule && one.key.type === key.type && one.key.id === key.id,
  );
}

/** An outage on one line, times in UTC. */
export function describeOutage({ provider, began, ended, ...rest }: Outage): string {
  const period =
    ended === undefined
      ? `since ${formatMinute(began)}`
      : `${formatMinute(began)} to ${formatMinute(ended)}`;
  return `${provider} ${period}: refused ${rest.refused} of ${rest.active} submitters at once`;
}

/** An outage for programs: times as RFC 3339. */
export function outageToJson(outage: Outage): Record<string, unknown> {
  return formatTimes(outage, 'began', 'since', 'ended');
}
