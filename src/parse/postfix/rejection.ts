/**
 * Rejections as smtpd, postscreen and cleanup log them (smtpd_check.c, log_whatsup; postscreen_smtpd.c;
 * cleanup_milter.c): `ACTION: STAGE from CLIENT[ADDRESS]: TEXT; from=<F> to=<R> proto=W helo=<H>`. Also matches of
 * header_checks and body_checks (cleanup_message.c, cleanup_act_log).
 * `reject_warning` is what a restriction behind warn_if_reject would have refused. Other actions that refuse nothing
 * (`warn`, `info`, `filter`, ...) are undefined.
 */
import { decodeText } from '../../model/line.ts';
import type { Client, RejectionRecord, Relay } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { mayBeCut } from './cut.ts';
import {
  decodeOptional,
  isTemporary,
  parseReply,
  parseStage,
  takeAddress,
  takeClient,
  unquote,
} from './primitives.ts';
import {
  findContentTail,
  findTail,
  findTailByRecipient,
  findTailByValue,
  hasValueAt,
  type Tail,
} from './tail.ts';

const LESS_THAN = 0x3c;

type Kind = RejectionRecord['kind'];

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['reject', 'rejected'],
  ['hangup', 'rejected'],
  ['reject_warning', 'rehearsed'],
  ['milter-reject', 'rejected'],
  ['milter-header-reject', 'rejected'],
  ['milter-body-reject', 'rejected'],
  ['hold', 'held'],
  ['milter-hold', 'held'],
  ['milter-header-hold', 'held'],
  ['milter-body-hold', 'held'],
  ['discard', 'discarded'],
  ['milter-discard', 'discarded'],
  ['milter-header-discard', 'discarded'],
  ['milter-body-discard', 'discarded'],
]);

/** Reads `ACTION: STAGE from CLIENT[ADDRESS]: TEXT; TAIL` at `from`, behind the queue ID. */
export function parseRejection(
  text: string,
  from: number,
  queueId: string | undefined,
): RejectionRecord | undefined {
  const reader = new Reader(text, from);
  const kind = KINDS.get(reader.until(': ') ?? '');
  if (kind === undefined) return undefined;
  const stageAt = reader.position;
  const stage = parseStage(reader.until(' from ') ?? '');
  if (stage === undefined) return parseContentRejection(text, stageAt, kind, queueId);
  const clientAt = reader.position;
  const client = takeClient(reader);
  if (client === undefined || !reader.literal(': ')) return undefined;
  const start = reader.position;
  const tail = chooseTail(text, start, clientAt);
  const said = text.slice(start, tail?.at ?? endWithoutTail(text, start));
  return readRejection({ kind, queueId, stage, client }, said, tail);
}

/** What the text in front of the tail says; `tail` is the one that is believed. */
export function readRejection(
  {
    kind,
    queueId,
    stage,
    client,
  }: Pick<RejectionRecord, 'kind' | 'queueId' | 'stage'> & {
    readonly client: Client;
  },
  said: string,
  tail: Tail | undefined,
): RejectionRecord {
  const reply = parseReply(said);
  const recipient = tail?.recipient ?? findRecipient(said, reply.textAt);
  return {
    kind,
    queueId,
    stage,
    client: addHelo(client, tail),
    user: decodeOptional(tail?.user ?? findLoginOwner(said, reply.textAt, tail?.sender)),
    sender: decodeOptional(tail?.sender),
    recipient: decodeOptional(recipient),
    code: reply.code,
    status: reply.status,
    reply: reply.reply,
    temporary: isTemporary(reply),
    relay: findProbedRelay(said, reply.textAt, recipient),
  };
}

/** Reads a message of postscreen(8): a rejection, with or without `NOQUEUE: ` in front. */
export function parsePostscreen(text: string): RejectionRecord | undefined {
  if (text.startsWith('NOQUEUE: ')) return parseRejection(text, 9, undefined);
  return text.startsWith('reject: ') ? parseRejection(text, 0, undefined) : undefined;
}

/**
 * The tail of the line whose text begins at `start`, and whose client is named at `clientAt`. When the text is about an
 * address that is not in it, a tail with that address as recipient is preferred: before Postfix 3.5 an address could
 * hold a whole false tail.
 */
function chooseTail(text: string, start: number, clientAt: number): Tail | undefined {
  if (mayBeCut(text)) return createNobody(text, start);
  const tail = findTail(text, start);
  const valueAt = start + parseReply(text.slice(start, start + LONGEST_STATUS)).textAt;
  if (text.charCodeAt(valueAt) !== LESS_THAN) {
    const isCertain = tail?.ambiguousFrom === undefined && !isInsideBrackets(text, valueAt, tail);
    return isCertain ? removeDoubtful(tail) : createNobody(text, start);
  }
  if (tail === undefined) return findTailByValue(text, valueAt);
  const valueEnd = endOfValueIn(tail, text, valueAt);
  // Of two tails, the one in front is false if it is inside the value; otherwise neither is believed.
  if (valueEnd > (tail.ambiguousFrom ?? 0)) {
    return valueEnd > (tail.falseFrom ?? 0) ? tail : removeUser(tail);
  }
  if (valueEnd >= 0) return createNobody(text, start);
  const other = findTailByRecipient(text, valueAt);
  if (other !== undefined) return other;
  if (tail.ambiguousFrom !== undefined) return createNobody(text, start);
  return isOtherValue(text, valueAt, tail, clientAt) ? removeDoubtful(tail) : removeUser(tail);
}

/** Where the text ends, without any field behind it. */
function createNobody(text: string, start: number): Tail {
  return { at: endWithoutTail(text, start) };
}

/** The tail without its user. The rest of it may be chosen by every client anyway, except for the client's address. */
function removeUser(tail: Tail): Tail {
  return tail.user === undefined ? tail : { ...tail, user: undefined };
}

/** A tail behind a false one names no user: it may itself be a part of an address that was cut. */
function removeDoubtful(tail: Tail | undefined): Tail | undefined {
  return tail?.falseFrom === undefined ? tail : removeUser(tail);
}

const BLOCKED = 'Service unavailable; ';

/** Whether the tail begins between the brackets of `Service unavailable; Sender address [VALUE] blocked using`. */
function isInsideBrackets(text: string, from: number, tail: Tail | undefined): boolean {
  if (tail === undefined || !text.startsWith(BLOCKED, from)) return false;
  const said = text.slice(from, tail.at);
  return said.includes('[') && !said.includes('] ');
}

/** Whether `<VALUE>: ` at `at` is what else smtpd names there: the client, its HELO name, or the stage. */
function isOtherValue(text: string, at: number, { helo }: Tail, clientAt: number): boolean {
  if (text.startsWith('<DATA>: ', at) || text.startsWith('<END-OF-MESSAGE>: ', at)) return true;
  if (helo !== undefined && hasValueAt(text, at, helo)) return true;
  return hasValueAt(text, at, text.slice(clientAt, text.indexOf(': ', clientAt)));
}

/** More bytes than `550 5.1.1 ` can have. */
const LONGEST_STATUS = 20;

/** Where the text ends when the tail cannot be read: before anything that looks like a tail. */
export function endWithoutTail(text: string, start: number): number {
  const ends = [text.indexOf('; from=<', start), text.indexOf('; proto=', start)];
  return Math.min(...ends.map((end) => (end < 0 ? text.length : end)));
}

function addHelo(client: Client, tail: Tail | undefined): Client {
  if (!tail?.helo) return client;
  return { address: client.address, name: client.name, helo: decodeText(tail.helo) };
}

/** Index after `<VALUE>: ` at `at` when the value is the tail's recipient or sender, else -1. */
function endOfValueIn({ recipient, sender }: Tail, text: string, at: number): number {
  const end = recipient === undefined ? -1 : endOfValue(text, at, recipient);
  return end >= 0 || sender === undefined ? end : endOfValue(text, at, sender);
}

/**
 * Index after `<VALUE>: ` at `at` when the value is `address`, else -1. The value is in internal form, which may hold
 * anything, so its length is known only from the address.
 */
function endOfValue(text: string, at: number, address: string): number {
  const value = unquote(address);
  const end = at + 1 + value.length;
  const isSame = text.startsWith('>: ', end) && text.startsWith(value, at + 1);
  return isSame && text.charCodeAt(at) === LESS_THAN ? end + 3 : -1;
}

/** The recipient of a line without a tail, when the value in its text needs no quoting. */
function findRecipient(said: string, at: number): string | undefined {
  const reader = new Reader(said, at);
  const value = takeAddress(reader);
  return reader.literal(': Recipient address rejected: ') ? value : undefined;
}

const NOT_OWNED = 'Sender address rejected: not owned by user ';

/** The login that reject_sender_login_mismatch names, also where the tail does not (before 3.10). */
function findLoginOwner(said: string, at: number, sender: string | undefined): string | undefined {
  const end = sender === undefined ? -1 : endOfValue(said, at, sender);
  if (end < 0 || !said.startsWith(NOT_OWNED, end)) return undefined;
  const login = said.slice(end + NOT_OWNED.length);
  // Behind a second value or a second tail, the first one was the beginning of a recipient.
  return login.includes('>: ') || login.includes('; from=<') ? undefined : login;
}

/** The host that an address probe asked: `undeliverable address: host H[IP] said: ...`. */
function findProbedRelay(
  said: string,
  at: number,
  recipient: string | undefined,
): Relay | undefined {
  if (recipient === undefined) return undefined;
  const reader = new Reader(said, Math.max(0, endOfValue(said, at, recipient)));
  if (!reader.literal('Recipient address rejected: ')) return undefined;
  if (!reader.literal('undeliverable address: ') && !reader.literal('unverified address: ')) {
    return undefined;
  }
  if (!reader.literal('host ')) return undefined;
  const host = takeClient(reader);
  return host === undefined ? undefined : { host: host.name, address: host.address || undefined };
}

/** What cleanup names before the line that matched: `header Subject: ...`. */
const CONTENT = /^(?:header |body |content|mime-er)/;

/**
 * Reads `header LINE from ORIGIN; from=<F> to=<R> proto=W helo=<H>: TEXT` of header_checks and body_checks. LINE is
 * chosen by the sender, and may hold all that follows it. So client, sender and HELO name are never taken from here:
 * the queue ID's own `client=` line has named them.
 */
function parseContentRejection(
  text: string,
  from: number,
  kind: Kind,
  queueId: string | undefined,
): RejectionRecord | undefined {
  if (!CONTENT.test(text.slice(from, from + 7))) return undefined;
  const tail = mayBeCut(text) ? undefined : findContentTail(text, from);
  const { code, status, reply } = parseReply(tail?.comment ?? '');
  return {
    kind,
    queueId,
    stage: 'EOM',
    recipient: decodeOptional(tail?.recipient),
    code,
    status,
    reply,
    temporary: isTemporary({ code, status }),
  };
}
