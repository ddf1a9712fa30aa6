import { expect, it } from 'vitest';
import { findDeadZone } from '../../src/audit/dead-lists.ts';

it.each([
  ['dnsbl.sorbs.net', 'sorbs.net'],
  ['spam.dnsbl.sorbs.net', 'sorbs.net'],
  ['IX.dnsbl.manitu.net.', 'ix.dnsbl.manitu.net'],
  ['manitu.net', undefined],
  ['notsorbs.net', undefined],
  ['zen.spamhaus.org', undefined],
])('%s belongs to the dead %s', (zone, dead) => {
  expect(findDeadZone(zone)).toBe(dead);
});
