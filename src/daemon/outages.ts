/** Provider outages in the service's own log. */
import type { Log } from '../base/log.ts';
import type { OutageChange } from '../model/outage.ts';

/** Logs the outages that have begun, and those that have ended. */
export function logOutages(log: Log, changes: readonly OutageChange[]): void {
  for (const { change, outage } of changes) {
    const { provider, refused, active } = outage;
    if (change === 'ended') {
      log.info({ provider }, 'the provider outage is over, its refusals count again');
      continue;
    }
    const released = outage.released.map(({ key }) => key);
    const facts = { provider, refused, active, released };
    log.warn(facts, 'provider outage: its refusals do not count');
  }
}
