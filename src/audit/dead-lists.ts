/** DNS blocklists that no longer exist, as far as their operators or the loss of the domain have made it known. Pure. */

/** Zones; what ends with one of them is dead, too. */
const DEAD_ZONES = [
  'sorbs.net', // SORBS, closed in June 2024
  'ix.dnsbl.manitu.net', // NixSpam, closed in January 2025
  'njabl.org', // closed in 2013
  'ahbl.org', // closed in 2015, listed everything afterwards
  'dnsbl.inps.de',
  'ubl.unsubscore.com', // LashBack
  'ubl.lashback.com',
  'spamcannibal.org', // listed everything in 2018
  'ordb.org', // listed everything in 2008
  'dsbl.org',
  'blitzed.org',
  'dnsbl.antispam.or.id',
] as const;

/** The dead zone to which the zone of a list belongs; undefined when none is known. */
export function findDeadZone(zone: string): string | undefined {
  const name = zone.toLowerCase().replace(/\.$/, '');
  return DEAD_ZONES.find((dead) => name === dead || name.endsWith(`.${dead}`));
}
