/** The sums of a report over a period. */
import { PeriodSums } from '../../src/report/period-sums.ts';
import type { Store } from '../../src/store/store.ts';

/** Times in ms, `until` exclusive; up to `most` rows. */
export function countPeriod(store: Store, since: number, until: number, most: number): PeriodSums {
  const pages = store.events.hold({ since, until });
  const sums = new PeriodSums(store.events.names, pages, { since, until });
  pages.scan(since, until, (page, at) => sums.add(page, at));
  sums.readTexts(most);
  return sums;
}
