/** The organisation behind a host name. */
import { getNetwork } from './address.ts';

/** Second-level labels under which countries register names: `example.co.uk`, `example.com.au`. */
const BELOW_COUNTRIES = new Set(
  'ac asso co com edu firm gen go gob gouv gov ind info id ltd mil ne net nhs nom or org plc sch web'.split(
    ' ',
  ),
);
/** Longer names do not exist (RFC 1035 2.3.4). */
export const MAX_NAME = 255;

/** `alt1.aspmx.l.google.com` is `google.com`, `mx.example.co.uk` is `example.co.uk`; an address is its network. */
export function nameProvider(host: string): string {
  const name = host.slice(0, MAX_NAME).toLowerCase().replace(/\.$/, '');
  if (name.includes(':') || /^[\d.]+$/.test(name)) return getNetwork(name);
  const labels = name.split('.');
  const [country = '', below = ''] = labels.toReversed();
  const kept = country.length === 2 && BELOW_COUNTRIES.has(below) ? 3 : 2;
  return labels.slice(-kept).join('.');
}
