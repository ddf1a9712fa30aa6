/**
 * smtpd(8): connections, transactions (`client=`), refusals, failed logins, the before-queue proxy.
 * TLS, DNS, rate and protocol warnings say nothing about mail and are undefined.
 */
import { canonicalIp } from '../../model/address.ts';
import { decodeText } from '../../model/line.ts';
import type {
  AuthFailedRecord,
  Client,
  LogRecord,
  ProxyAcceptRecord,
  RejectionRecord,
  TransactionRecord,
} from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { endOfQueueId, isTemporary, parseReply, takeClient } from './primitives.ts';
import { endWithoutTail, parseRejection } from './rejection.ts';
import { findTail } from './tail.ts';

/** Reads a message of smtpd. */
export function parseSmtpd(text: string): LogRecord | undefined {
  if (text.startsWith('connect from ')) return CONNECT;
  if (text.startsWith('disconnect from ')) return DISCONNECT;
  if (text.startsWith('NOQUEUE: ')) return transaction(text, 9, undefined);
  if (text.startsWith('warning: ')) return warning(text);
  if (text.startsWith('proxy-')) return proxy(text);
  const end = endOfQueueId(text, 0);
  if (end < 0 || !text.startsWith(': ', end)) return undefined;
  return transaction(text, end + 2, text.slice(0, end));
}

/** A quarter of all lines; who the client is, the lines between them say as far as anybody asks. */
const CONNECT: LogRecord = { kind: 'connect' };
const DISCONNECT: LogRecord = { kind: 'disconnect' };

function transaction(
  text: string,
  from: number,
  queueId: string | undefined,
): LogRecord | undefined {
  if (text.startsWith('client=', from)) return parseTransaction(text, from, queueId);
  return parseRejection(text, from, queueId);
}

/**
 * `client=NAMADDR[, sasl_method=W][, sasl_username=U][, sasl_sender=X][, orig_queue_id=Q][, orig_client=NAMADDR]`.
 * Reads it at `from`, behind the queue ID; also for qmqpd.
 */
export function parseTransaction(
  text: string,
  from: number,
  queueId: string | undefined,
): TransactionRecord | undefined {
  const reader = new Reader(text, from + 7);
  const client = takeClient(reader);
  if (client === undefined) return undefined;
  if (reader.atEnd) return { kind: 'transaction', queueId, client };
  if (reader.literal(', sasl_method=')) reader.until(', ') ?? reader.rest();
  else reader.literal(', ');
  if (!reader.literal('sasl_username=')) {
    reader.position = Math.max(0, reader.position - 2);
    return { kind: 'transaction', queueId, client, ...takeOriginal(reader) };
  }
  const [name, original] = splitUser(reader.rest(), client);
  return { kind: 'transaction', queueId, client, user: decodeText(name), ...original };
}

const SASL_SENDER = ', sasl_sender=';

type Original = Pick<TransactionRecord, 'originalQueueId' | 'originalClient'>;

/**
 * `[, sasl_sender=X][, orig_queue_id=Q][, orig_client=NAMADDR]` to the end of the line. X is the AUTH= parameter of
 * MAIL, by anyone and unchecked: where something in it is quoted (smtpd_token.c), it may hold all that follows.
 */
function takeOriginal(reader: Reader): Original | undefined {
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
 * A user name may hold commas and so look like the fields behind it. Only content filters may send XFORWARD, and
 * those are near: from anywhere else all of it is the name.
 */
function splitUser(rest: string, client: Client): [string, Original | undefined] {
  const sender = rest.indexOf(SASL_SENDER);
  if (sender >= 0) {
    const original = isNear(client.address) ? takeOriginal(new Reader(rest, sender)) : undefined;
    return [rest.slice(0, sender), original];
  }
  if (!rest.includes(', orig_') || !isNear(client.address)) return [rest, undefined];
  for (const key of [', orig_queue_id=', ', orig_client=']) {
    const at = rest.lastIndexOf(key);
    const original = at < 0 ? undefined : takeOriginal(new Reader(rest, at));
    if (original !== undefined) return [rest.slice(0, at), original];
  }
  return [rest, undefined];
}

/** Loopback or a private network (RFC 1918, RFC 4193). */
function isNear(address: string): boolean {
  const ip = canonicalIp(address);
  if (ip === undefined) return address !== '';
  if (/^(?:127|10)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\./.test(ip)) return true;
  return ip === '::1' || /^f[cd][0-9a-f]{2}:/.test(ip);
}

function warning(text: string): LogRecord | undefined {
  const illegal = 'warning: Illegal address syntax from ';
  if (text.startsWith(illegal)) return illegalAddress(new Reader(text, illegal.length));
  const reader = new Reader(text, 9);
  const client = takeClient(reader);
  if (client === undefined || !reader.literal(': SASL ')) return undefined;
  return authFailure(text, reader.position, client);
}

/** Reasons that say nothing about the password: the backend is in trouble, or no password was tried at all. */
const NO_GUESS = [
  'Connection lost to authentication server',
  "Can't connect to authentication server",
  'Authentication backend error',
  'Temporary authentication failure',
  'generic failure',
  'Invalid authentication mechanism',
  'no mechanism available',
  'Invalid base64 data',
  'bad protocol / cancel',
] as const;

/** `METHOD authentication failed: REASON[, sasl_username=U]` or `METHOD authentication aborted`, at `from`. */
function authFailure(text: string, from: number, client: Client): AuthFailedRecord | undefined {
  const reader = new Reader(text, from);
  const method = reader.until(' authentication ');
  if (method === undefined) return undefined;
  if (text.slice(reader.position) === 'aborted') {
    return { kind: 'auth-failed', client, reply: decodeText(text.slice(from - 5)) };
  }
  if (!reader.literal('failed:')) return undefined;
  reader.literal(' ');
  const reason = reader.rest();
  if (NO_GUESS.some((words) => reason.startsWith(words))) return undefined;
  // A quoted method is whatever the client said: a reason and a name of its making may stand in it.
  if (!isWord(method)) return { kind: 'auth-failed', client };
  const at = reason.indexOf(', sasl_username=');
  const name = at < 0 ? '' : reason.slice(at + 16);
  const failure = text.slice(from - 5, at < 0 ? text.length : text.length - reason.length + at);
  return {
    kind: 'auth-failed',
    client,
    user: name !== '' && name !== '(unavailable)' ? decodeText(name) : undefined,
    reply: decodeText(failure),
  };
}

function isWord(text: string): boolean {
  return text.length <= 100 && /^[\w.-]+$/.test(text);
}

/** `NAMADDR in RCPT command: RAW`: the only trace of 501 5.1.3, and with MAIL of 501 5.1.7 (smtpd.c, extract_addr). */
function illegalAddress(reader: Reader): RejectionRecord | undefined {
  const client = takeClient(reader);
  if (client === undefined || !reader.literal(' in ')) return undefined;
  const stage = reader.literal('RCPT') ? 'RCPT' : reader.literal('MAIL') ? 'MAIL' : undefined;
  if (stage === undefined || !reader.literal(' command: ')) return undefined;
  const raw = reader.rest();
  const address = decodeText(raw.startsWith('<') && raw.endsWith('>') ? raw.slice(1, -1) : raw);
  return {
    kind: 'rejected',
    stage,
    client,
    sender: stage === 'MAIL' ? address : undefined,
    recipient: stage === 'RCPT' ? address : undefined,
    code: 501,
    status: stage === 'RCPT' ? '5.1.3' : '5.1.7',
    reply: `Illegal address syntax in ${stage} command`,
  };
}

/** `proxy-accept: END-OF-MESSAGE: REPLY; TAIL` and `proxy-reject:`; neither names the client. */
function proxy(text: string): ProxyAcceptRecord | RejectionRecord | undefined {
  const reader = new Reader(text);
  const accepted = reader.literal('proxy-accept: ');
  if (!accepted && !reader.literal('proxy-reject: ')) return undefined;
  if (!reader.literal('END-OF-MESSAGE: ')) return undefined;
  const tail = findTail(text, reader.position);
  const words = text.slice(reader.position, tail?.at ?? endWithoutTail(text, reader.position));
  const sender = tail?.sender === undefined ? undefined : decodeText(tail.sender);
  const recipient = tail?.recipient === undefined ? undefined : decodeText(tail.recipient);
  const user = tail?.user === undefined ? undefined : decodeText(tail.user);
  const helo = tail?.helo === undefined ? undefined : decodeText(tail.helo) || undefined;
  const client = { address: '', helo };
  if (accepted) {
    return {
      kind: 'proxy-accept',
      client,
      queueId: queuedAs(words),
      user,
      sender,
      recipient,
    };
  }
  const { code, status, reply } = parseReply(words);
  const temporary = isTemporary({ code, status });
  return {
    kind: 'rejected',
    stage: 'EOM',
    client,
    user,
    sender,
    recipient,
    code,
    status,
    reply,
    temporary,
  };
}

/** The queue ID at the end of a reply such as `250 2.0.0 Ok: queued as 9F3C21A0B7`. */
export function queuedAs(reply: string): string | undefined {
  const at = reply.lastIndexOf('queued as ');
  if (at < 0) return undefined;
  const end = endOfQueueId(reply, at + 10);
  return end === reply.length ? reply.slice(at + 10, end) : undefined;
}
