/**
 * Leases as lines of comma-separated values with a header (RFC 4180): a plain file of one's own, Kea's memfile
 * (kea-leases4.csv, kea-leases6.csv), or what a database client prints of FreeRADIUS's table radacct.
 *
 * Known columns, the first that is there: address (`address`, `framedipaddress`, `framedipv6address`), person (`person`,
 * `user`, `username`, for Kea `hwaddr` or `duid`; or the configured one), start (`from`, `start`, `acctstarttime`), end
 * (`until`, `to`, `end`, `acctstoptime`). Kea writes `expire` and `valid_lifetime` instead (seconds).
 */
import { SECOND } from '../base/time.ts';
import { canonicalIp } from '../model/address.ts';
import { cleanPerson, type Lease } from './lease.ts';

const ADDRESS = ['address', 'framedipaddress', 'framedipv6address'];
const PERSON = ['person', 'user', 'username', 'hwaddr', 'duid'];
const FROM = ['from', 'start', 'acctstarttime'];
const UNTIL = ['until', 'to', 'end', 'acctstoptime'];
/** Kea's `state` of a lease that somebody has (0); declined and reclaimed ones are nobody's. */
const ASSIGNED = '0';

/** Date, time of day, and the offset's hours and minutes, where there is one. PostgreSQL leaves `:00` out. */
const STAMP =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)(?:Z|([+-][0-9]{2})(?::?([0-9]{2}))?)?$/;

type Row = ReadonlyMap<string, string>;

/** Reads a table. `field` is the column that names the person, if it is not one of the usual ones. */
export function parseCsvLeases(text: string, field?: string): Lease[] {
  const [head = '', ...lines] = text.split('\n');
  const names = splitRow(head).map((name) => name.trim().toLowerCase());
  return lines.flatMap((line) => {
    if (line.trim() === '') return [];
    const cells = splitRow(line);
    return readRow(new Map(names.map((name, index) => [name, cells[index] ?? ''])), field) ?? [];
  });
}

function readRow(row: Row, field: string | undefined): Lease | undefined {
  const address = canonicalIp(pick(row, ADDRESS) ?? '');
  const person = cleanPerson(pick(row, field === undefined ? PERSON : [field.toLowerCase()]));
  const time = row.has('valid_lifetime') ? readKeaTimes(row) : readTimes(row);
  if (address === undefined || person === undefined || time === undefined) return undefined;
  return { address, person, ...time };
}

interface Times {
  readonly from: number;
  readonly until: number | undefined;
}

function readTimes(row: Row): Times | undefined {
  const from = readTime(pick(row, FROM));
  const end = pick(row, UNTIL);
  const until = isNone(end) ? undefined : readTime(end);
  // A lease whose end cannot be read would last for ever.
  if (from === undefined || (until === undefined && !isNone(end))) return undefined;
  return { from, until };
}

/** An empty cell, or what databases print for one. */
function isNone(text: string | undefined): boolean {
  return text === undefined || /^(?:null|\\n|0|0000-.*)?$/i.test(text);
}

function readKeaTimes(row: Row): Times | undefined {
  const expire = Number(row.get('expire'));
  const lifetime = Number(row.get('valid_lifetime'));
  if (!Number.isFinite(expire) || !Number.isFinite(lifetime)) return undefined;
  if ((row.get('state') ?? ASSIGNED) !== ASSIGNED) return undefined;
  return { from: (expire - lifetime) * SECOND, until: expire * SECOND };
}

/**
 * Seconds since the epoch, RFC 3339, or as databases print it: `2026-11-10 08:00:00` (UTC), `2026-11-10 09:00:00.25+01`.
 */
function readTime(text: string | undefined): number | undefined {
  if (text === undefined || isNone(text)) return undefined;
  if (/^[0-9]{9,11}$/.test(text)) return Number(text) * SECOND;
  const [, date, clock, hours, minutes = '00'] = STAMP.exec(text) ?? [];
  if (date === undefined) return undefined;
  const time = Date.parse(`${date}T${clock}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
  return Number.isNaN(time) ? undefined : time;
}

function pick(row: Row, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = row.get(name)?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** Cells between commas or tabs; a quoted cell may hold both, and `""` for a quote. */
function splitRow(line: string): string[] {
  const separator = !line.includes(',') && line.includes('\t') ? '\t' : ',';
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (quoted && char === '"' && line[at + 1] === '"') cell += line[++at];
    else if (char === '"') quoted = !quoted;
    else if (char === separator && !quoted) {
      cells.push(cell);
      cell = '';
    } else if (char !== '\r') cell += char;
  }
  return [...cells, cell];
}
