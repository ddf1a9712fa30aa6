/** The organisation behind a host name. */
import { getNetwork } from './address.ts';

/** Second-level labels under which countries register names: `example.co.uk`, `example.com.au`. */
const BELOW_COUNTRIES = new Set(
  'ac asso co com edu firm gen go gob gouv gov ind info id ltd mil ne net nhs nom or org plc sch web'.split(
    ' ',
  ),
);
const ADDRESS = /^[\d.]+$/;
/** Longer names do not exist (RFC 1035 2.3.4). */
export const MAX_NAME = 255;

/** `alt1.aspmx.l.google.com` is `google.com`, `mx.example.co.uk` is `example.co.uk`; an address is its network. */
export function nameProvider(host: string): string {
  const whole = host.slice(0, MAX_NAME).toLowerCase();
  const name = whole.endsWith('.') ? whole.slice(0, -1) : whole;
  if (name.includes(':') || ADDRESS.test(name)) return getNetwork(name);
  // By the last dots: to split the name into labels and join them again took 0.4 us longer.
  const country = name.lastIndexOf('.');
  const below = beforeDot(name, country);
  const isCountry = name.length - country === 3 && country >= 0;
  const kept =
    isCountry && BELOW_COUNTRIES.has(name.slice(below + 1, country))
      ? beforeDot(name, below)
      : below;
  return name.slice(kept + 1);
}

/** Index of the dot before the one at `at`; -1 if there is none. */
function beforeDot(name: string, at: number): number {
  return at <= 0 ? -1 : name.lastIndexOf('.', at - 1);
}
