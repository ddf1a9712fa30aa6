/**
 * FreeRADIUS's accounting log, rlm_detail(5): a stamp without indentation, then one attribute a line
 * (`\tUser-Name = "alice"`), then an empty line. A session (`Acct-Session-Id`) starts, is updated and stops (RFC 2866). An
 * access server that was restarted may give the same identifiers again, to others.
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
  const ended: Lease[] = [];
  /** the newest session by identifier, address and person */
  const sessions = new Map<string, Lease>();
  for (const attributes of readRecords(text)) {
    for (const lease of readSession(attributes, field)) {
      const name = `${attributes.get('Acct-Session-Id') ?? ''} ${lease.address} ${lease.person}`;
      const known = sessions.get(name);
      const isNew = known?.until !== undefined && lease.from >= known.until;
      if (isNew) ended.push(known);
      sessions.set(name, known === undefined || isNew ? lease : join(known, lease));
    }
  }
  return [...ended, ...sessions.values()];
}

/** What two records say of one session. An update may come after the stop. */
function join(known: Lease, lease: Lease): Lease {
  return { ...lease, from: Math.min(known.from, lease.from), until: lease.until ?? known.until };
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

/** A lease of each address of the session, of IPv4 and IPv6 (RFC 6911). */
function readSession(attributes: Attributes, field: string): Lease[] {
  const person = cleanPerson(attributes.get(field));
  const times = readTimes(attributes);
  if (person === undefined || times === undefined) return [];
  return ['Framed-IP-Address', 'Framed-IPv6-Address'].flatMap((name) => {
    const address = canonicalIp(attributes.get(name) ?? '');
    return address === undefined ? [] : [{ address, person, ...times }];
  });
}

/** RFC 2866 5.1: Start (1), Stop (2) and Interim-Update (3); all else says nothing of a session. */
function readTimes(attributes: Attributes): Pick<Lease, 'from' | 'until'> | undefined {
  const stamp = Number(attributes.get('Timestamp'));
  if (!(stamp > 0)) return undefined;
  const time = (stamp - Number(attributes.get('Acct-Delay-Time') ?? 0)) * SECOND;
  const began = time - Number(attributes.get('Acct-Session-Time') ?? 0) * SECOND;
  switch (attributes.get('Acct-Status-Type')) {
    case 'Start':
      return { from: time, until: undefined };
    case 'Interim-Update':
    case 'Alive':
      return { from: began, until: undefined };
    case 'Stop':
      return { from: began, until: time };
    default:
      return undefined;
  }
}

function unquote(text: string): string {
  const inner = /^"(.*)"$/.exec(text)?.[1];
  return inner === undefined ? text : inner.replace(/\\(["\\])/g, '$1');
}
