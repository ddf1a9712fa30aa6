/**
 * FreeRADIUS's accounting log, rlm_detail(5): a stamp without indentation, then one attribute a line
 * (`\tUser-Name = "alice"`), then an empty line. A session (`Acct-Session-Id`) starts, is updated and stops (RFC 2866).
 *
 * The person is `User-Name` unless the configuration names another attribute. The time is `Timestamp` (seconds since the
 * epoch), less `Acct-Delay-Time`.
 */
import { SECOND } from '../base/time.ts';
import { canonicalIp } from '../model/address.ts';
import { cleanPerson, type Lease } from './lease.ts';

type Attributes = ReadonlyMap<string, string>;

/** Reads an accounting log. `field` is the attribute that names the person, `User-Name` by default. */
export function parseRadiusDetail(text: string, field = 'User-Name'): Lease[] {
  const sessions = new Map<string, Lease>();
  for (const attributes of readRecords(text)) {
    const lease = readSession(attributes, field);
    if (lease === undefined) continue;
    const name = `${attributes.get('Acct-Session-Id') ?? ''} ${lease.address}`;
    const known = sessions.get(name);
    const from = Math.min(lease.from, known?.from ?? Number.POSITIVE_INFINITY);
    sessions.set(name, { ...lease, from });
  }
  return [...sessions.values()];
}

function* readRecords(text: string): Generator<Attributes> {
  let attributes = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s+([A-Za-z0-9-]+) (?:=|:=|\+=) (.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) attributes.set(name, unquote(value.trim()));
    else if (line.trim() === '' && attributes.size > 0) {
      yield attributes;
      attributes = new Map();
    }
  }
  if (attributes.size > 0) yield attributes;
}

/** RFC 2866 5.1: Start (1), Stop (2) and Interim-Update (3); all else says nothing of a session. */
function readSession(attributes: Attributes, field: string): Lease | undefined {
  const address = canonicalIp(
    attributes.get('Framed-IP-Address') ?? attributes.get('Framed-IPv6-Address') ?? '',
  );
  const person = cleanPerson(attributes.get(field));
  const stamp = Number(attributes.get('Timestamp'));
  if (address === undefined || person === undefined || !(stamp > 0)) return undefined;
  const time = (stamp - Number(attributes.get('Acct-Delay-Time') ?? 0)) * SECOND;
  const began = time - Number(attributes.get('Acct-Session-Time') ?? 0) * SECOND;
  switch (attributes.get('Acct-Status-Type')) {
    case 'Start':
      return { address, person, from: time, until: undefined };
    case 'Interim-Update':
    case 'Alive':
      return { address, person, from: began, until: undefined };
    case 'Stop':
      return { address, person, from: began, until: time };
    default:
      return undefined;
  }
}

function unquote(text: string): string {
  const inner = /^"(.*)"$/.exec(text)?.[1];
  return inner === undefined ? text : inner.replace(/\\(["\\])/g, '$1');
}
