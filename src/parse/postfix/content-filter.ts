/**
 * Content filters (FILTER_README, SMTPD_PROXY_README). A message that passes one has two queue IDs, one before and one
 * behind the filter. They are linked by the filter's own line (amavis, MailScanner), or by the XFORWARD attributes of
 * the `client=` line (smtpd.c). The line of a before-queue filter is smtpd's `proxy-accept:` (smtpd.c).
 */
import { canonicalIp } from '../../model/address.ts';
import type {
  Client,
  LinkRecord,
  ProxyAcceptRecord,
  RejectionRecord,
  TransactionRecord,
} from '../../model/record.ts';
import { endOfQuoted, Reader } from '../reader.ts';
import { mayBeCut } from './cut.ts';
import {
  decodeOptional,
  endOfQueueId,
  findQueuedAs,
  isTemporary,
  parseReply,
  takeClient,
} from './primitives.ts';
import { endWithoutTail } from './rejection.ts';
import { findTail } from './tail.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const HYPHEN = 0x2d;
const SLASH = 0x2f;
const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;

/** How amavis begins a line; the ID holds digits, hyphens and slashes. */
const PASSED = /^\([^\x00-\x20()]{1,40}\) Passed /;

/**
 * Reads amavis's `(ID) Passed CLEAN ..., Queue-ID: Q1, Message-ID: <M>, ..., queued_as: Q2, ...`. The sender chose the
 * addresses and the Message-ID in it, so where a key comes twice, or inside brackets or quotes, there is no link. Amavis
 * splits a long line ($logline_maxlen) and goes on with `(ID) ...`: what stands there may be all the sender's.
 */
export function parseAmavis(text: string): LinkRecord | undefined {
  if (!PASSED.test(text)) return undefined;
  const queueId = findOnlyQueueId(text, ', Queue-ID: ');
  const nextQueueId = findOnlyQueueId(text, ', queued_as: ');
  if (queueId === undefined || nextQueueId === undefined) return undefined;
  return { kind: 'link', queueId, nextQueueId };
}

function findOnlyQueueId(text: string, key: string): string | undefined {
  const at = text.indexOf(key);
  if (at < 0 || text.indexOf(key, at + 1) >= 0) return undefined;
  const start = at + key.length;
  const end = endOfQueueId(text, start);
  const next = text.charCodeAt(end);
  const isEnd = end === text.length || next === COMMA || next === SLASH;
  return end > 0 && isEnd && isOutside(text, at) ? text.slice(start, end) : undefined;
}

/** Whether all angle brackets and quoted strings before `at` are closed. */
function isOutside(text: string, at: number): boolean {
  let depth = 0;
  for (let index = 0; index < at; index++) {
    const code = text.charCodeAt(index);
    if (code === LESS_THAN) depth++;
    else if (code === GREATER_THAN && text.charCodeAt(index - 1) !== HYPHEN) depth--;
    else if (code === QUOTE) {
      const end = endOfQuoted(text, index);
      if (end === undefined || end > at) return false;
      index = end - 1;
    }
  }
  return depth === 0;
}

const REQUEUE = 'Requeue: ';

/**
 * Reads MailScanner's `Requeue: Q1.A1B2C to Q2`, in which a sender chose nothing: it takes mail out of the hold queue
 * and puts it into the incoming queue under a new ID.
 */
export function parseMailScanner(text: string): LinkRecord | undefined {
  if (!text.startsWith(REQUEUE)) return undefined;
  const end = endOfQueueId(text, REQUEUE.length);
  const space = end < 0 ? -1 : text.indexOf(' ', end);
  if (space < 0 || !/^\.[0-9A-F]{1,8}$/.test(text.slice(end, Math.min(space, end + 10)))) {
    return undefined;
  }
  if (!text.startsWith(' to ', space) || endOfQueueId(text, space + 4) !== text.length) {
    return undefined;
  }
  return {
    kind: 'link',
    queueId: text.slice(REQUEUE.length, end),
    nextQueueId: text.slice(space + 4),
    moved: true,
  };
}

const SASL_SENDER = ', sasl_sender=';

/** The message as it was before the filter. */
type Original = Pick<TransactionRecord, 'originalQueueId' | 'originalClient'>;

/**
 * Takes `[, sasl_sender=X][, orig_queue_id=Q][, orig_client=CLIENT[ADDRESS]]` to the end of the line. X is the AUTH=
 * parameter of MAIL, which any client may send, unchecked. Where it has something quoted (smtpd_token.c), it may hold
 * all that follows.
 */
export function takeOriginal(reader: Reader): Original | undefined {
  if (reader.literal(SASL_SENDER)) {
    const sender = reader.until(', ');
    if (sender === undefined || /["<\\]/.test(sender)) return undefined;
    reader.position -= 2;
  }
  let originalQueueId: string | undefined;
  if (reader.literal(', orig_queue_id=')) {
    const end = endOfQueueId(reader.text, reader.position);
    if (end < 0) return undefined;
    originalQueueId = reader.text.slice(reader.position, end);
    reader.position = end;
  }
  const originalClient = reader.literal(', orig_client=') ? takeClient(reader) : undefined;
  return reader.atEnd ? { originalQueueId, originalClient } : undefined;
}

/**
 * Splits what follows `sasl_username=` into the user and the original message. A user name may hold commas, and so
 * look like the fields behind it. Only content filters may send XFORWARD, and they are on this host or in a private
 * network: from anywhere else all of it is the name.
 */
export function splitUser(rest: string, client: Client): [string, Original | undefined] {
  const sender = rest.indexOf(SASL_SENDER);
  if (sender >= 0) {
    const isFilter = isPrivate(client.address);
    const original = isFilter ? takeOriginal(new Reader(rest, sender)) : undefined;
    return [rest.slice(0, sender), original];
  }
  if (!rest.includes(', orig_') || !isPrivate(client.address)) return [rest, undefined];
  for (const key of [', orig_queue_id=', ', orig_client=']) {
    const at = rest.lastIndexOf(key);
    const original = at < 0 ? undefined : takeOriginal(new Reader(rest, at));
    if (original !== undefined) return [rest.slice(0, at), original];
  }
  return [rest, undefined];
}

const PRIVATE_IPV4 = /^(?:127|10)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\./;
const PRIVATE_IPV6 = /^::1$|^f[cd][0-9a-f]{2}:/;

/** Loopback, a private network (RFC 1918, RFC 4193), or not an IP address. */
function isPrivate(address: string): boolean {
  const ip = canonicalIp(address);
  if (ip === undefined) return address !== '';
  return PRIVATE_IPV4.test(ip) || PRIVATE_IPV6.test(ip);
}

/** Reads `proxy-accept: END-OF-MESSAGE: REPLY; TAIL` and `proxy-reject:`. Neither names the client. */
export function parseProxy(text: string): ProxyAcceptRecord | RejectionRecord | undefined {
  const reader = new Reader(text);
  const accepted = reader.literal('proxy-accept: ');
  if (!accepted && !reader.literal('proxy-reject: ')) return undefined;
  if (!reader.literal('END-OF-MESSAGE: ')) return undefined;
  const start = reader.position;
  const found = mayBeCut(text) ? undefined : findTail(text, start);
  const tail =
    found?.ambiguousFrom === undefined && found?.falseFrom === undefined ? found : undefined;
  const said = text.slice(start, tail?.at ?? endWithoutTail(text, start));
  const message = {
    client: { address: '', helo: decodeOptional(tail?.helo) || undefined },
    user: decodeOptional(tail?.user),
    sender: decodeOptional(tail?.sender),
    recipient: decodeOptional(tail?.recipient),
  };
  if (accepted) return { kind: 'proxy-accept', queueId: findQueuedAs(said), ...message };
  const { code, status, reply } = parseReply(said);
  const temporary = isTemporary({ code, status });
  return { kind: 'rejected', stage: 'EOM', ...message, code, status, reply, temporary };
}
