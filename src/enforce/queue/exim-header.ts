/**
 * The header file of a queued message of Exim (`ID-H`), by the grammar of spool_read_header() in spool_in.c. Who sent
 * the message writes its headers and chooses some of the envelope's values, so only lines in their place count: one
 * line of each option, variables of the ACLs by their length, and nothing behind the empty line.
 */
import { dropUndefined } from '../../base/defined.ts';
import { SECOND } from '../../base/time.ts';
import { canonicalIp } from '../../model/address.ts';
import type { Submitter } from '../../model/event.ts';

export interface EximEnvelope {
  readonly sender: string;
  /** ms */
  readonly time: number;
  readonly submitter?: Submitter;
  /** of a local account, if `submitter` has its name: the number */
  readonly uid?: string;
  /** since when it is frozen, ms */
  readonly frozen?: number;
  /** an operator has thawed it */
  readonly thawed: boolean;
  /** those still to be delivered, apart from what the journal says */
  readonly recipients: readonly string[];
  /** bytes of the headers that are sent, as Exim counts them; undefined: the headers were not all read */
  readonly headerSize?: number;
}

/** The envelope of a file's bytes in latin1; undefined: not complete, or not such a file. `id` is the message ID. */
export function parseEximHeader(bytes: string, id: string): EximEnvelope | undefined {
  const lines = new Lines(bytes);
  if (lines.next() !== `${id}-H`) return undefined;
  const account = /^(.*) (-?\d+) -?\d+\s*$/.exec(lines.next() ?? '');
  const sender = /^<(.*)>$/.exec(lines.next() ?? '')?.[1];
  const received = /^(\d+) /.exec(lines.next() ?? '')?.[1];
  if (account === null || sender === undefined || received === undefined) return undefined;
  const options = readOptions(lines);
  const delivered = readNonRecipients(lines);
  const recipients = readRecipients(lines);
  if (delivered === undefined || recipients === undefined || lines.next() !== '') return undefined;
  const frozen = options.get('frozen');
  return dropUndefined({
    sender: decode(sender),
    time: Number(received) * SECOND,
    ...findSubmitter(options, { login: account[1] as string, uid: account[2] as string }),
    frozen: frozen === undefined ? undefined : Number.parseInt(frozen, 10) * SECOND,
    thawed: options.has('manual_thaw'),
    recipients: recipients.filter((address) => !delivered.has(address)).map(decode),
    headerSize: measureHeaders(bytes, lines.position),
  });
}

/** Lines from a place on. Without its line feed a line is not complete. */
class Lines {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): string | undefined {
    const end = this.#text.indexOf('\n', this.position);
    if (end < 0) return undefined;
    const line = this.#text.slice(this.position, end);
    this.position = end + 1;
    return line;
  }

  startsWith(start: string): boolean {
    return this.#text.startsWith(start, this.position);
  }
}

/** `-name value`, or with `--` and perhaps `--(lookup)` before the name of a value that somebody else chose. */
function readOptions(lines: Lines): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  while (lines.startsWith('-')) {
    const line = lines.next();
    if (line === undefined) break;
    const [, name = '', value = ''] = /^-(?:-(?:\([^)]*\))?)?([^ ]*) ?(.*)$/.exec(line) ?? [];
    options.set(name, value);
    const length = /^(?:acl[cm] [^ ]+|acl \d+) (\d+)$/.exec(`${name} ${value}`)?.[1];
    if (length !== undefined) lines.position += Number(length) + 1; // its value may be of several lines
  }
  return options;
}

/** `XX`, or the nodes of a tree before their branches: `YN address` has a left branch and no right one. */
function readNonRecipients(lines: Lines): ReadonlySet<string> | undefined {
  const addresses = new Set<string>();
  for (let open = 1; open > 0; open--) {
    const line = lines.next();
    if (line === undefined) return undefined;
    if (line === 'XX' && addresses.size === 0) return addresses;
    const [, left, right, address] = /^([YN])([YN]) (.*)$/.exec(line) ?? [];
    if (address === undefined) return undefined;
    addresses.add(address);
    open += (left === 'Y' ? 1 : 0) + (right === 'Y' ? 1 : 0);
  }
  return addresses;
}

function readRecipients(lines: Lines): string[] | undefined {
  const count = Number(/^\d{1,9}$/.exec(lines.next() ?? '')?.[0]);
  const recipients: string[] = [];
  for (let index = 0; index < count; index++) {
    const line = lines.next();
    if (line === undefined) return undefined;
    recipients.push(readRecipient(line));
  }
  return Number.isNaN(count) ? undefined : recipients;
}

/**
 * An address, and behind it perhaps data that says from its end how long it is:
 * `ADDRESS ORCPT LENGTH,FLAGS ERRORS-TO LENGTH,PARENT#3` (spool_out.c), or without the first half `#1`.
 */
function readRecipient(line: string): string {
  const bits = Number(/#(\d+)$/.exec(line)?.[1] ?? 0);
  let text = line.replace(/#\d+$/, '');
  for (const bit of [1, 2]) {
    if ((bits & bit) === 0) continue;
    const [data = '', length = '0'] = / (\d+),-?\d+$/.exec(text) ?? [];
    text = text.slice(0, text.length - data.length - Number(length));
    text = text.endsWith(' ') ? text.slice(0, -1) : text;
  }
  return bits === 0 ? text.replace(/ \d+(?:,\d+,\d+)?$/, '') : text;
}

/** Who is logged in, else who is connected, else the local account: as Exim's log names them. */
function findSubmitter(
  options: ReadonlyMap<string, string>,
  { login, uid }: { readonly login: string; readonly uid: string },
): { submitter?: Submitter; uid?: string } {
  // Without AUTH, local mail has its account as auth_id, too (exim.c).
  const user = options.has('host_auth') ? options.get('auth_id') : undefined;
  const host = options.get('host_address');
  if (user !== undefined && user !== '') return { submitter: { type: 'user', id: decode(user) } };
  if (host !== undefined) {
    const id = readHost(host);
    return id === undefined ? {} : { submitter: { type: 'client', id } };
  }
  const name = options.get('ident') ?? login;
  const submitter = { type: 'uid', id: decode(name) } as const;
  return name === login ? { submitter, uid } : { submitter };
}

/** `[ADDRESS]:PORT`, or as older versions write it `ADDRESS.PORT` (host_address_extract_port() in host.c). */
function readHost(text: string): string | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  if (bracketed !== undefined) return canonicalIp(bracketed);
  return canonicalIp(text) ?? canonicalIp(text.replace(/\.\d+$/, ''));
}

/** Each header is `LENGTH`, a letter, a blank and the text; `*` marks what is not sent. */
function measureHeaders(bytes: string, start: number): number | undefined {
  let size = 0;
  let at = start;
  while (at < bytes.length) {
    const [mark = '', length, letter] = /^(\d+)(.) /s.exec(bytes.slice(at, at + 16)) ?? [];
    if (length === undefined) return undefined;
    if (letter !== '*') size += Number(length);
    at += mark.length + Number(length);
  }
  return at === bytes.length ? size : undefined;
}

function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
