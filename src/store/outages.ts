/** Provider outages in the database: `status`, `report`, `explain` and the mails read them there. */
import { DAY } from '../base/time.ts';
import { applyOutageChange, type Outage, type OutageChange } from '../model/outage.ts';
import type { Store } from './store.ts';

const MOST_KEPT = 200;
const KEPT_FOR = 90 * DAY;
/** The key under which the first version saved them. */
const STATE_KEY = 'suspects';

/** All outages that the store knows of, oldest first. */
export function loadOutages(store: Store): readonly Outage[] {
  return store.state.read(STATE_KEY) ?? [];
}

/** Saves changes, inside the transaction of their batch. `now` in ms. */
export function saveOutages(store: Store, changes: readonly OutageChange[], now: number): void {
  const outages = [...loadOutages(store)];
  for (const change of changes) applyOutageChange(outages, change);
  const kept = outages.filter(({ ended }) => ended === undefined || ended > now - KEPT_FOR);
  store.state.write(STATE_KEY, kept.slice(-MOST_KEPT));
}

/**
 * Ends all outages but the `running` ones. After a change of the rules, the rebuilt judge may no longer know of an
 * outage that the store still has. `now` in ms.
 */
export function endOtherOutages(store: Store, running: readonly Outage[], now: number): void {
  const names = new Set(running.map(({ provider }) => provider));
  const isOver = ({ provider, ended }: Outage) => ended === undefined && !names.has(provider);
  const outages = loadOutages(store);
  if (!outages.some(isOver)) return;
  const changed = outages.map((outage) => (isOver(outage) ? { ...outage, ended: now } : outage));
  store.state.write(STATE_KEY, changed);
}
