/**
 * SMTP AUTH in Exim's log: the field `A=MECHANISM[:ID[:SENDER]]` of arrivals (receive.c), `A=MECHANISM[:ID]` of
 * rejections (smtp_in.c, smtp_handle_acl_fail), and failed logins (smtp_in.c, auth_cmd):
 * `NAME authenticator failed for [H=]HOST...: 535 Incorrect authentication data (set_id=U)`.
 */
import { decodeText } from '../../model/line.ts';
import type {
  ArrivalRecord,
  AuthFailedRecord,
  Client,
  RejectionRecord,
} from '../../model/record.ts';
import type { Mutable } from '../parser.ts';
import { Reader } from '../reader.ts';
import { endOfAddress } from './address.ts';
import { looksForged, skipInterface, takeClient } from './host.ts';
import { toOneLine, unescapeText } from './reply.ts';

/**
 * What comes in front of `A=`, so that the text of an identd or a HELO name wrote a field which holds it: the end of a
 * HOST, the protocol of an arrival, the sender of a refusal.
 */
const HOST_END = ') [';
const PROTOCOL = ' P=';
const SENDER = ' F=<';

/**
 * Takes the value of `A=` on an arrival line. The ID may hold spaces. With `+smtp_mailauth` a colon and the sender that
 * the client named follow it, but an ID may hold a colon or a quote itself: then it is given as it stands, for
 * `settleLogin`. False when it cannot be Exim's own.
 */
export function takeArrivalAuth(reader: Reader, record: Mutable<ArrivalRecord>): boolean {
  const value = reader.upTo([' S=', ' PRDR', ' PRX=', ' K ']);
  if (value === '' || value.includes(HOST_END) || value.includes(PROTOCOL)) return false;
  const colon = value.indexOf(':');
  const id = colon < 0 ? '' : value.slice(colon + 1);
  if (id === '') return true;
  if (/[:"]/.test(id)) record.ambiguousLogin = decodeText(id);
  else record.user = decodeText(id);
  return true;
}

/**
 * Decides whose arrival it is where a colon follows the ID or is part of it. Without `smtp_mailauth` in log_selector
 * all of it is the ID. With it, the value of AUTH= on MAIL (RFC 4954 5) follows the ID if the client sent one: what is
 * behind the last colon, if that is an address. Exim accepts and prints any AUTH=, so the rest stays ambiguous: `a:b` is
 * also what `a` gets by AUTH=b, and `a:b:c@example.net` what `a` gets by AUTH=b:c@example.net. A quote may be a piece of
 * AUTH= in the same way.
 */
export function settleLogin(
  record: ArrivalRecord,
  logsMailAuth: boolean | undefined,
): ArrivalRecord {
  const { ambiguousLogin: text } = record;
  if (text === undefined || logsMailAuth === undefined) return record;
  const colon = text.lastIndexOf(':');
  const login = logsMailAuth ? text.slice(0, Math.max(0, colon)) : text;
  if (logsMailAuth && !(isPlain(login) && isMailbox(text.slice(colon + 1)))) return record;
  return { ...record, user: login, ambiguousLogin: undefined };
}

function isPlain(login: string): boolean {
  return login !== '' && !/[:"]/.test(login);
}

/** Whether the text is an address with a domain, without quotes, and nothing else. */
function isMailbox(text: string): boolean {
  if (text.includes('"')) return false;
  return text.indexOf('@') > 0 && !text.endsWith('@') && endOfAddress(text, 0) === text.length;
}

/** Takes the value of `A=` on a rejection line. The ID is everything behind the first colon. False when forged. */
export function takeRejectionAuth(reader: Reader, record: Mutable<RejectionRecord>): boolean {
  const value = reader.upTo([' rejected ', ' temporarily rejected ', ' SPF', ' DMARC', ' RCPT ']);
  const colon = value.indexOf(':');
  const id = colon < 0 ? '' : value.slice(colon + 1);
  if (id === '') return !value.includes(HOST_END);
  record.user = decodeText(id);
  return !id.includes(HOST_END) && !id.includes(SENDER);
}

const FAILED = ' authenticator failed for ';
const WRONG_PASSWORD = ': 535 ';
const NAME = ' (set_id=';

/**
 * Reads a failed login, a whole line without its message ID. Only 535 is a guess at a password. Undefined: 435 (our own
 * backend), 501 and 553 (the client gave up), and Exim's own failure at a smarthost (`authenticator failed H=...`).
 *
 * The name is what the client typed, from the first ` (set_id=` to the last `)`. Whatever it holds, the guess counts
 * for the HOST in front of it.
 */
export function parseAuthFailure(text: string): AuthFailedRecord | undefined {
  const reader = new Reader(text);
  if (reader.word() === undefined || !reader.literal(FAILED)) return undefined;
  reader.literal('H=');
  const client = takeClient(reader);
  if (client === undefined) return undefined;
  skipInterface(reader);
  const hasIdent = reader.literal(' U=');
  if (hasIdent && reader.until(WRONG_PASSWORD) === undefined) return undefined;
  if (!hasIdent && !reader.literal(WRONG_PASSWORD)) return undefined;
  const rest = reader.rest();
  // The text of an identd could end the line early, so then nothing may look like a second end.
  if (hasIdent && rest.includes(WRONG_PASSWORD)) return undefined;
  if (looksForged(removeName(rest))) return undefined;
  return readFailure(client, rest);
}

/** The text without the name, which Exim prints last. */
function removeName(rest: string): string {
  const at = rest.indexOf(NAME);
  return at < 0 || !rest.endsWith(')') ? rest : rest.slice(0, at);
}

function readFailure(client: Client, rest: string): AuthFailedRecord {
  const at = rest.indexOf(NAME);
  if (at < 0) return createAuthFailure(client, undefined, `535 ${toOneLine(rest)}`);
  const user = rest.slice(at + NAME.length, rest.endsWith(')') ? -1 : undefined);
  const reply = `535 ${toOneLine(rest.slice(0, at))}`;
  return createAuthFailure(client, user === '' ? undefined : unescapeText(user), reply);
}

/** All keys at once: V8 then keeps one shape for all failed logins. */
export function createAuthFailure(
  client: Client,
  user: string | undefined,
  reply: string,
): AuthFailedRecord {
  return { kind: 'auth-failed', client, user, code: 535, status: undefined, reply };
}
