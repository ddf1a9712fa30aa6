/**
 * Sendmail's mailertable and Postfix's transport file, read for the domains whose mail goes to another server by SMTP:
 * those are protected. Pure.
 */
import { lowerAscii } from '../base/text.ts';
import type { LineProblem, Parsed } from '../base/watched-file.ts';
import { parseServer, type Server } from './server.ts';

/** Servers by domain (lower case). A key with a dot first is for the domains below; `*` is for all. */
export type RouteTable = ReadonlyMap<string, readonly Server[]>;

interface Row {
  readonly line: number;
  readonly key: string;
  readonly value: string;
}

/** What a row means; undefined: it is for no SMTP server, and is none of our business. */
type Target = readonly Server[] | { readonly problem: string } | undefined;

/**
 * A mailertable, cf/README "MAILERTABLE": `domain mailer:host`. `[host]` is that host, a bare one has mail exchangers;
 * several hosts are separated by colons. `.domain` is for what is below it.
 */
export function parseMailertable(text: string, port: number): Parsed<RouteTable> {
  return buildTable(listRows(text, false), (value) => readMailerTarget(value, port));
}

/** A transport file, transport(5): `domain transport:nexthop`; several next hops are separated by commas or spaces. */
export function parseTransport(text: string, port: number): Parsed<RouteTable> {
  return buildTable(listRows(text, true), (value, key) => readTransportTarget(value, key, port));
}

function buildTable(
  rows: readonly Row[],
  read: (value: string, key: string) => Target,
): Parsed<RouteTable> {
  const value = new Map<string, readonly Server[]>();
  const problems: LineProblem[] = [];
  for (const { line, key, value: text } of rows) {
    const domain = readKey(key);
    const target = domain === undefined ? { problem: `not a domain: ${key}` } : read(text, key);
    if (target === undefined || domain === '') continue;
    if ('problem' in target) problems.push({ line, text: target.problem });
    else value.set(domain as string, target);
  }
  return { value, problems };
}

/** Lines without comments. In Postfix's files a line that begins with a blank continues the one before. */
function listRows(text: string, continues: boolean): Row[] {
  const rows: { line: number; text: string }[] = [];
  text.split('\n').forEach((raw, index) => {
    if (/^\s*(?:#|$)/.test(raw)) return;
    const last = rows.at(-1);
    if (continues && /^\s/.test(raw) && last !== undefined) last.text += ` ${raw.trim()}`;
    else rows.push({ line: index + 1, text: raw.trim() });
  });
  return rows.map(({ line, text: row }) => {
    const [key = ''] = row.split(/\s/, 1);
    return { line, key, value: row.slice(key.length).trim() };
  });
}

/** Lower case; empty for an address, which has a route of its own and no domain; undefined for what is neither. */
function readKey(key: string): string | undefined {
  if (key.includes('@')) return '';
  const domain = lowerAscii(key).replace(/(?<=.)\.$/, '');
  return domain === '*' || /^\.?[\w\x80-\xff](?:[\w\x80-\xff.-]*[\w\x80-\xff])?$/.test(domain)
    ? domain
    : undefined;
}

/** Mailers of Sendmail that speak SMTP, cf/mailer/smtp.m4. */
const SMTP_MAILERS = ['smtp', 'esmtp', 'smtp8', 'dsmtp', 'relay'];

function readMailerTarget(value: string, port: number): Target {
  const colon = value.indexOf(':');
  if (colon < 1) return { problem: `expected mailer:host, found ${value || 'nothing'}` };
  if (!SMTP_MAILERS.includes(value.slice(0, colon).toLowerCase())) return undefined;
  const hosts = splitHosts(value.slice(colon + 1).split(/\s/, 1)[0] as string, ':');
  return readServers(hosts, port);
}

/** Transports that are other names for smtp in a usual master.cf. */
const SMTP_TRANSPORTS = ['smtp', 'relay', ''];
const OTHER_TRANSPORTS = ['local', 'virtual', 'lmtp', 'error', 'retry', 'discard', 'pipe', 'uucp'];

function readTransportTarget(value: string, key: string, port: number): Target {
  const colon = value.indexOf(':');
  if (colon < 0) return { problem: `expected transport:nexthop, found ${value || 'nothing'}` };
  const transport = value.slice(0, colon);
  // A transport of the operator's own (slow:, internal:) is nearly always smtp with other settings.
  if (OTHER_TRANSPORTS.includes(transport)) return undefined;
  const hops = value
    .slice(colon + 1)
    .split(/[\s,]+/)
    .filter((hop) => hop !== '');
  if (hops.length > 0) return readServers(hops, port);
  // Without a next hop, mail goes to the exchangers of the domain, which for `*` and most others are strangers.
  const isOwn = SMTP_TRANSPORTS.includes(transport);
  return isOwn ? { problem: `${key} names no next hop, and strangers are not asked` } : undefined;
}

function readServers(hosts: readonly string[], port: number): Target {
  const servers = hosts.map((host) => parseServer(host, port));
  const wrong = hosts.find((_, index) => servers[index] === undefined);
  if (wrong !== undefined || hosts.length === 0)
    return { problem: `expected a host such as [192.0.2.1], found ${wrong ?? 'nothing'}` };
  return servers as Server[];
}

/** Splits at `separator` outside of brackets: `[IPv6:2001:db8::1]:[192.0.2.1]` are two. */
function splitHosts(text: string, separator: string): string[] {
  const hosts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const char = text[at];
    if (char === '[') depth++;
    else if (char === ']') depth--;
    else if ((char === separator && depth === 0) || at === text.length) {
      hosts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return hosts.filter((host) => host !== '');
}
