/**
 * Refusals, as smtpd, postscreen and cleanup (for milters and content checks) log them:
 * `ACTION: STAGE from NAMADDR: TEXT; from=<F> to=<R> proto=W helo=<H>`.
 * Annotations that refuse nothing (`warn`, `info`, `reject_warning`, `filter`, ...) are undefined.
 */
import { decodeText } from '../../model/line.ts';
import type { Client, RejectionRecord, Relay } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import {
  isTemporary,
  type ParsedReply,
  parseReply,
  parseStage,
  takeAddress,
  takeClient,
  unquoted,
} from './primitives.ts';
import { findOnlyTail, findQuotedRecipient, findQuotedTail, findTail, type Tail } from './tail.ts';

const KINDS: ReadonlyMap<string, RejectionRecord['kind']> = new Map([
  ['reject', 'rejected'],
  ['hangup', 'rejected'],
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

/** Reads `ACTION: STAGE from NAMADDR: TEXT; TAIL` at `from`, behind the queue ID. */
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
  if (stage === undefined) return contentRejection(text, stageAt, kind, queueId);
  const client = takeClient(reader);
  if (client === undefined || !reader.literal(': ')) return undefined;
  const start = reader.position;
  const tail = chooseTail(text, start);
  const words = text.slice(start, tail?.at ?? endWithoutTail(text, start));
  const reply = parseReply(words);
  const recipient = tail?.recipient ?? plainRecipient(words, reply.words);
  return {
    kind,
    queueId,
    stage,
    client: withHelo(client, tail),
    user: optionalText(tail?.user ?? notOwnedBy(words, reply.words, tail?.sender)),
    sender: optionalText(tail?.sender),
    recipient: optionalText(recipient),
    code: reply.code,
    status: reply.status,
    reply: reply.reply,
    temporary: isTemporary(reply),
    relay: probedRelay(words, reply.words, recipient),
  };
}

/** Reads a message of postscreen(8): a refusal, with or without `NOQUEUE: ` in front. */
export function parsePostscreen(text: string): RejectionRecord | undefined {
  if (text.startsWith('NOQUEUE: ')) return parseRejection(text, 9, undefined);
  return text.startsWith('reject: ') ? parseRejection(text, 0, undefined) : undefined;
}

/**
 * The tail, and when its addresses are not what the text talks about, one whose recipient is: before 3.5 a whole
 * tail could be written into an address.
 */
function chooseTail(text: string, start: number): Tail | undefined {
  const tail = findTail(text, start);
  const words = start + endOfStatusWords(text, start);
  const nobody = tail?.doubtful === undefined ? undefined : { at: endWithoutTail(text, start) };
  if (text.charCodeAt(words) !== 0x3c) return nobody ?? tail;
  if (tail === undefined) return findQuotedTail(text, words);
  const about = endOfValue(text, words, tail);
  // Of two tails the one in front is fake if it stands in the value, else nobody is named.
  if (about > (tail.doubtful ?? 0)) return tail;
  if (about >= 0) return nobody;
  return findQuotedRecipient(text, words) ?? nobody ?? tail;
}

/** Length of `550 5.1.1 ` at `start`. */
function endOfStatusWords(text: string, start: number): number {
  return parseReply(text.slice(start, start + 20)).words;
}

/** Index after the value `<VALUE>: ` when it is one of the tail's addresses, else -1. */
function endOfValue(text: string, at: number, { recipient, sender }: Tail): number {
  const end = recipient === undefined ? -1 : wordsAbout(text, at, recipient);
  return end >= 0 || sender === undefined ? end : wordsAbout(text, at, sender);
}

/** Where the text of a line ends whose tail cannot be read: before anything that looks like one. */
export function endWithoutTail(text: string, start: number): number {
  const ends = [text.indexOf('; from=<', start), text.indexOf('; proto=', start)];
  return Math.min(...ends.map((end) => (end < 0 ? text.length : end)));
}

function withHelo(client: Client, tail: Tail | undefined): Client {
  if (!tail?.helo) return client;
  return { address: client.address, name: client.name, helo: decodeText(tail.helo) };
}

function optionalText(bytes: string | undefined): string | undefined {
  return bytes === undefined ? undefined : decodeText(bytes);
}

/**
 * Index of what is said about `address`, behind `<VALUE>: `; -1 when the text is about something else. The text has
 * the address in internal form, which may hold anything; the tail tells how long it is.
 */
function wordsAbout(words: string, at: number, address: string): number {
  const value = unquoted(address);
  const end = at + 1 + value.length;
  const told = words.startsWith('>: ', end) && words.startsWith(value, at + 1);
  return told && words.charCodeAt(at) === 0x3c ? end + 3 : -1;
}

/** The recipient of a line without a tail, when the value in its text needs no quoting. */
function plainRecipient(words: string, at: number): string | undefined {
  const reader = new Reader(words, at);
  const value = takeAddress(reader);
  return reader.literal(': Recipient address rejected: ') ? value : undefined;
}

/** `reject_sender_login_mismatch` names the user also where the tail does not (before 3.10). */
function notOwnedBy(words: string, at: number, sender: string | undefined): string | undefined {
  const about = sender === undefined ? -1 : wordsAbout(words, at, sender);
  const text = 'Sender address rejected: not owned by user ';
  return about >= 0 && words.startsWith(text, about) ? words.slice(about + text.length) : undefined;
}

/** The host that an address probe asked: `undeliverable address: host H[IP] said: ...`. */
function probedRelay(words: string, at: number, recipient: string | undefined): Relay | undefined {
  if (recipient === undefined) return undefined;
  const reader = new Reader(words, Math.max(0, wordsAbout(words, at, recipient)));
  if (!reader.literal('Recipient address rejected: ')) return undefined;
  if (!reader.literal('undeliverable address: ') && !reader.literal('unverified address: ')) {
    return undefined;
  }
  if (!reader.literal('host ')) return undefined;
  const host = takeClient(reader);
  return host === undefined ? undefined : { host: host.name, address: host.address || undefined };
}

/**
 * `header LINE from ORIGIN; from=<F> to=<R> proto=W helo=<H>: TEXT` of header_checks and body_checks. LINE is the
 * sender's own, so the fields are taken only when just one place can be the tail.
 */
function contentRejection(
  text: string,
  from: number,
  kind: RejectionRecord['kind'],
  queueId: string | undefined,
): RejectionRecord | undefined {
  const type = text.slice(from, from + 7);
  if (type !== 'header ' && type !== 'content' && type !== 'mime-er' && !type.startsWith('body ')) {
    return undefined;
  }
  const tail = findOnlyTail(text, from);
  const reply: ParsedReply = parseReply(tail?.comment ?? '');
  return {
    kind,
    queueId,
    stage: 'EOM',
    client: tail === undefined ? undefined : originBefore(text, tail),
    sender: optionalText(tail?.sender),
    recipient: optionalText(tail?.recipient),
    code: reply.code,
    status: reply.status,
    reply: reply.reply,
    temporary: isTemporary(reply),
  };
}

/** ` from NAMADDR` directly in front of the tail. */
function originBefore(text: string, tail: Tail): Client | undefined {
  const at = text.lastIndexOf(' from ', tail.at);
  const reader = new Reader(text, at + 6);
  const client = at < 0 ? undefined : takeClient(reader);
  return client !== undefined && reader.position === tail.at ? withHelo(client, tail) : undefined;
}
