/**
 * smtpd(8): connections, transactions (smtpd.c, `client=`), rejections, failed logins (smtpd_sasl_glue.c).
 * Warnings about TLS, DNS, rates and protocol say nothing about mail and are undefined.
 */
import { decodeText } from '../../model/line.ts';
import type {
  AuthFailedRecord,
  Client,
  LogRecord,
  RejectionRecord,
  TransactionRecord,
} from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { parseProxy, splitUser, takeOriginal } from './content-filter.ts';
import { mayBeCut } from './cut.ts';
import { endOfQueueId, takeClient } from './primitives.ts';
import { parseRejection } from './rejection.ts';

const NO_QUEUE = 'NOQUEUE: ';
const WARNING = 'warning: ';
const ILLEGAL_ADDRESS = 'Illegal address syntax from ';

/** A quarter of all lines. They name the client, but so do the lines between them that matter. */
const CONNECT: LogRecord = { kind: 'connect' };
const DISCONNECT: LogRecord = { kind: 'disconnect' };

/** Reads a message of smtpd. */
export function parseSmtpd(text: string): LogRecord | undefined {
  if (text.startsWith('connect from ')) return CONNECT;
  if (text.startsWith('disconnect from ')) return DISCONNECT;
  if (text.startsWith(NO_QUEUE)) return parseQueued(text, NO_QUEUE.length, undefined);
  if (text.startsWith(WARNING)) return parseWarning(new Reader(text, WARNING.length));
  if (text.startsWith('proxy-')) return parseProxy(text);
  const end = endOfQueueId(text, 0);
  if (end < 0 || !text.startsWith(': ', end)) return undefined;
  return parseQueued(text, end + 2, text.slice(0, end));
}

/** Reads a message of smtpd or qmqpd at `from`, behind the queue ID. */
export function parseQueued(
  text: string,
  from: number,
  queueId: string | undefined,
): LogRecord | undefined {
  if (text.startsWith('client=', from)) return parseTransaction(text, from, queueId);
  return parseRejection(text, from, queueId);
}

/**
 * Reads `client=CLIENT[ADDRESS][, sasl_method=W][, sasl_username=U][, sasl_sender=X][, orig_queue_id=Q]`
 * `[, orig_client=CLIENT[ADDRESS]]` at `from`.
 */
function parseTransaction(
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
  // Only an AUTH= parameter makes such a line that long; without it, the name itself was cut.
  if (mayBeCut(text) && !text.includes(', sasl_sender='))
    return { kind: 'transaction', queueId, client };
  const [name, original] = splitUser(reader.rest(), client);
  return { kind: 'transaction', queueId, client, user: decodeText(name), ...original };
}

function parseWarning(reader: Reader): LogRecord | undefined {
  if (reader.literal(ILLEGAL_ADDRESS)) return parseIllegalAddress(reader);
  const client = takeClient(reader);
  if (client === undefined || !reader.literal(': ')) return undefined;
  return reader.text.startsWith('SASL ', reader.position)
    ? parseAuthFailure(reader, client)
    : undefined;
}

/** Reasons that say nothing about the password: the backend has a problem, or no password was tried at all. */
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

/** Reads `SASL METHOD authentication failed: REASON[, sasl_username=U]` or `SASL METHOD authentication aborted`. */
function parseAuthFailure(reader: Reader, client: Client): AuthFailedRecord | undefined {
  const { text, position } = reader;
  reader.literal('SASL ');
  const method = reader.until(' authentication ');
  if (method === undefined) return undefined;
  if (text.slice(reader.position) === 'aborted') {
    return { kind: 'auth-failed', client, reply: decodeText(text.slice(position)) };
  }
  if (!reader.literal('failed:')) return undefined;
  reader.literal(' ');
  const reasonAt = reader.position;
  if (NO_GUESS.some((words) => text.startsWith(words, reasonAt))) return undefined;
  // A client may name any method, and so write a reason and a user name of its own.
  if (!isMechanism(method)) return { kind: 'auth-failed', client };
  const userAt = text.indexOf(', sasl_username=', reasonAt);
  const user = userAt < 0 ? '' : text.slice(userAt + 16);
  return {
    kind: 'auth-failed',
    client,
    user: user !== '' && user !== '(unavailable)' ? decodeText(user) : undefined,
    reply: decodeText(text.slice(position, userAt < 0 ? undefined : userAt)),
  };
}

function isMechanism(method: string): boolean {
  return method.length <= 100 && /^[\w.-]+$/.test(method);
}

/**
 * Reads `CLIENT[ADDRESS] in RCPT command: ARGUMENT`, the only trace of 501 5.1.3; with MAIL it is 501 5.1.7 (smtpd.c,
 * extract_addr).
 */
function parseIllegalAddress(reader: Reader): RejectionRecord | undefined {
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
