/**
 * ISC dhcpd's lease file, dhcpd.leases(5): `lease ADDRESS { ... }`, and `iaaddr ADDRESS { ... }` inside `ia-na "IAID+DUID"`
 * for IPv6. The file is a journal: a later declaration of an address replaces the earlier one from its start on.
 *
 * The person is `hardware` (the MAC address) unless the configuration names another statement: `client-hostname`, `uid`,
 * or one that the server was told to `set`. Times are UTC, or seconds since the epoch (`epoch 1794297600;`).
 */
import { SECOND } from '../base/time.ts';
import { canonicalIp } from '../model/address.ts';
import { cleanPerson, type Lease } from './lease.ts';

const NEVER = 'never';

interface Declaration {
  readonly address: string;
  readonly statements: Map<string, string>;
}

/** Reads a lease file. `field` is the statement that names the person, `hardware` by default. */
export function parseIscLeases(text: string, field = 'hardware'): Lease[] {
  return readDeclarations(text).flatMap((declaration) => readLease(declaration, field) ?? []);
}

function readDeclarations(text: string): Declaration[] {
  const found: Declaration[] = [];
  let open: Declaration | undefined;
  let duid = '';
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const start = /^(?:lease|iaaddr|iaprefix) (\S+) \{$/.exec(line);
    const family = /^ia-(?:na|ta|pd) (".*") \{$/.exec(line);
    if (family?.[1] !== undefined) duid = unquote(family[1]);
    else if (start?.[1] !== undefined) {
      open = { address: start[1], statements: new Map([['duid', duid]]) };
    } else if (line === '}') {
      if (open !== undefined) found.push(open);
      open = undefined;
    } else if (open !== undefined) addStatement(open.statements, line);
  }
  return found;
}

/** `starts 2 2026/11/10 08:00:00;`, `client-hostname "pc";`, `set name = "alice";`, `binding state active;` */
function addStatement(statements: Map<string, string>, line: string): void {
  const set = /^set ([A-Za-z0-9_-]+) = (.*);$/.exec(line);
  const plain = /^(binding state|hardware [a-z-]+|[a-z-]+) (.*);/.exec(line);
  const [, name, value] = set ?? plain ?? [];
  if (name === undefined || value === undefined) return;
  statements.set(name.startsWith('hardware ') ? 'hardware' : name, unquote(value));
}

function readLease({ address, statements }: Declaration, field: string): Lease | undefined {
  const ip = canonicalIp(address);
  const person = cleanPerson(statements.get(field) ?? fallBack(statements, field));
  const from = readIscTime(statements.get('starts') ?? statements.get('cltt'));
  if (ip === undefined || person === undefined || from === undefined) return undefined;
  const ends = statements.get('ends');
  const state = statements.get('binding state') ?? 'active';
  // A lease that was given back says so with a later declaration, whose `ends` is when.
  const until = ends === undefined || ends === NEVER ? undefined : readIscTime(ends);
  return { address: ip, person, from, until: state === 'active' ? until : (until ?? from) };
}

/** IPv6 declarations know no hardware address, only the DUID of the group around them. */
function fallBack(statements: ReadonlyMap<string, string>, field: string): string | undefined {
  return field === 'hardware' ? statements.get('duid') : undefined;
}

function readIscTime(text: string | undefined): number | undefined {
  const epoch = /^epoch ([0-9]{1,12})/.exec(text ?? '');
  if (epoch !== null) return Number(epoch[1]) * SECOND;
  const civil = /^[0-6] ([0-9]{4})\/([0-9]{2})\/([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})/;
  const match = civil.exec(text ?? '');
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function unquote(text: string): string {
  const inner = /^"(.*)"$/.exec(text.trim())?.[1];
  return inner === undefined ? text.trim() : inner.replace(/\\(["\\])/g, '$1');
}
