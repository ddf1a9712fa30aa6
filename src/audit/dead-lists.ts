/** DNS blocklists that no longer exist, as lists/dnsbl.yaml has them. */
import { isDead, shippedLists } from '../probe/lists.ts';

/** The dead domain to which the zone of a list belongs; undefined when none is known. */
export function findDeadZone(zone: string): string | undefined {
  const name = zone.toLowerCase().replace(/\.$/, '');
  return shippedLists()
    .filter(isDead)
    .map((list) => list.domain ?? list.zone)
    .find((dead) => name === dead || name.endsWith(`.${dead}`));
}
