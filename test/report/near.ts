/** Who came near a limit in a period, as the report finds them. */
import type { Nearest } from '../../src/judge/nearest.ts';
import type { Rule } from '../../src/judge/rule.ts';
import { findFirst, findStandings } from '../../src/report/standings.ts';
import type { Store } from '../../src/store/store.ts';

/** Times in ms, `until` exclusive. */
export function findNear(
  store: Store,
  rules: readonly Rule[],
  period: { readonly since: number; readonly until: number },
): readonly Nearest[] {
  const { since, until } = period;
  const pages = store.events.hold({ since: findFirst(rules, since), until });
  return findStandings(store, rules, period, { pages, since, visit: () => {} }).near;
}
