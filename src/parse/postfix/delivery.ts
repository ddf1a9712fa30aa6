/**
 * The outcome for each recipient: delivery lines, the same from every agent (log_adhoc.c), and the notifications of
 * bounce(8).
 *
 * `to=<R>[, orig_to=<O>], relay=RELAY[, conn_use=N], delay=T, delays=T/T/T/T[, tls=F], dsn=D, status=WORD (TEXT)`
 *
 * Strangers choose the addresses and TEXT. Everything between them is read from the left before TEXT begins. Lines of
 * an agent without `to=` are attempts or notes, and are not read.
 */
import { decodeText } from '../../model/line.ts';
import type { DeliveryRecord, DsnRecord, Relay, Stage } from '../../model/record.ts';
import { endOfQuoted, Reader } from '../reader.ts';
import { endOfQueueId, findQueuedAs, parseReply, takeAddress, takeClient } from './primitives.ts';

const QUOTE = 0x22;

interface Status {
  readonly outcome: DeliveryRecord['outcome'];
  readonly probe?: boolean;
}

const STATUSES: ReadonlyMap<string, Status> = new Map<string, Status>([
  ['sent', { outcome: 'delivered' }],
  ['deferred', { outcome: 'deferred' }],
  ['bounced', { outcome: 'bounced' }],
  ['SOFTBOUNCE', { outcome: 'deferred' }],
  ['deliverable', { outcome: 'delivered', probe: true }],
  ['undeliverable', { outcome: 'bounced', probe: true }],
  ['undeliverable-but-not-cached', { outcome: 'bounced', probe: true }],
  ['expanded', { outcome: 'delivered', probe: true }],
  ['relayed', { outcome: 'delivered', probe: true }],
  ['delivered', { outcome: 'delivered', probe: true }],
]);

const COMMANDS: ReadonlyMap<string, Stage> = new Map<string, Stage>([
  ['MAIL FROM command', 'MAIL'],
  ['RCPT TO command', 'RCPT'],
  ['DATA command', 'DATA'],
  ['BDAT command', 'DATA'],
  ['end of DATA command', 'EOM'],
  ['end of BDAT command', 'EOM'],
  ['HELO command', 'HELO'],
  ['EHLO command', 'HELO'],
  ['LHLO command', 'HELO'],
  ['AUTH command', 'AUTH'],
  ['STARTTLS command', 'STARTTLS'],
]);

/** Reads a delivery line at `to=<`, behind the queue ID. */
export function parseDelivery(
  text: string,
  from: number,
  queueId: string,
): DeliveryRecord | undefined {
  const reader = new Reader(text, from + 3);
  const recipient = takeLoggedAddress(reader);
  if (recipient === undefined) return undefined;
  const original = reader.literal(', orig_to=') ? takeLoggedAddress(reader) : undefined;
  if (!reader.literal(', relay=')) return undefined;
  const relay = reader.until(', delay=');
  if (relay === undefined) return undefined;
  const dsn = reader.until(', dsn=') === undefined ? undefined : reader.until(', status=');
  const status = dsn === undefined ? undefined : STATUSES.get(reader.until(' (') ?? '');
  if (dsn === undefined || status === undefined) return undefined;
  const said = removeEnd(reader.rest(), ')');
  const { code, status: detail, reply, stage, cached } = readReason(said, decodeText(dsn));
  return {
    kind: 'delivery',
    queueId,
    outcome: status.outcome,
    recipient: decodeText(recipient),
    originalRecipient: original === undefined ? undefined : decodeText(original),
    relay: parseRelay(relay),
    probe: status.probe,
    code,
    status: detail,
    reply,
    stage,
    cached,
    next: status.outcome === 'delivered' && !isOpen(recipient) ? findNext(said) : undefined,
  };
}

/**
 * Takes an address in external form. In logs of Postfix before 3.5, or with `info_log_address_format = internal`, it
 * is everything up to the next field.
 */
function takeLoggedAddress(reader: Reader): string | undefined {
  const { text, position } = reader;
  // A source route is logged without quotes, and may hold the fields that follow an address: see endOfAddress.
  if (text.startsWith('<@', position)) return undefined;
  const address = takeAddress(reader);
  if (address !== undefined && text.startsWith(', ', reader.position)) return address;
  const start = position + 1;
  const relay = text.indexOf('>, relay=', start);
  const original = text.indexOf('>, orig_to=<', start);
  const end = original >= 0 && original < relay ? original : relay;
  if (end < 0) return undefined;
  reader.position = end + 1;
  return text.slice(start, end);
}

/** Whether a quoted string never ends: the line may have been cut, and everything in it be the address. */
function isOpen(address: string): boolean {
  return address.charCodeAt(0) === QUOTE && endOfQuoted(address, 0) === undefined;
}

function removeEnd(text: string, end: string): string {
  return text.endsWith(end) ? text.slice(0, -end.length) : text;
}

/** Reads `HOST[IP]:PORT` or `HOST[socket]`. Words such as `local`, `dovecot` and `none` are not hosts. */
function parseRelay(name: string): Relay | undefined {
  const open = name.indexOf('[');
  const close = name.indexOf(']', open);
  if (open < 0 || close < 0) return undefined;
  const address = name.slice(open + 1, close);
  const host = decodeText(name.slice(0, open)) || undefined;
  if (address.includes('/')) return { host };
  const reader = new Reader(name, close + 1);
  const port = reader.literal(':') ? reader.number() : undefined;
  return {
    host,
    address: address === 'unknown' ? undefined : decodeText(address),
    port,
  };
}

const SUSPENDED = 'delivery temporarily suspended: ';
const REPLY_TO = ' (in reply to ';

type Reason = Pick<DeliveryRecord, 'code' | 'status' | 'reply' | 'stage' | 'cached'>;

/** Reads the text in parentheses; `dsn` is the status in front of it, as real text. */
export function readReason(said: string, dsn: string): Reason {
  if (said.startsWith(SUSPENDED)) {
    // This is the reply that another message got: its code says nothing about this one.
    const stage = readRemoteReply(said.slice(SUSPENDED.length))?.stage;
    return { status: dsn, reply: decodeText(said), stage, cached: true };
  }
  const remote = readRemoteReply(said);
  const { code, status, reply } = parseReply(remote?.reply ?? said, dsn);
  return { code, status, reply, stage: remote?.stage };
}

/**
 * Reads `host H[IP] said: REPLY (in reply to COMMAND)`; undefined when no host is quoted. The last `(in reply to` is
 * Postfix's own, an earlier one is part of the reply.
 */
function readRemoteReply(said: string): { reply: string; stage?: Stage } | undefined {
  const reader = new Reader(said);
  if (!reader.literal('host ') || takeClient(reader) === undefined) return undefined;
  if (!reader.literal(' said: ') && !reader.literal(' refused to talk to me: ')) return undefined;
  const reply = reader.rest();
  const at = reply.lastIndexOf(REPLY_TO);
  if (at < 0) return { reply };
  const command = reply.slice(at + REPLY_TO.length);
  const stage = COMMANDS.get(removeEnd(command, ')'));
  if (stage === undefined && !command.endsWith(')')) return { reply };
  return { reply: reply.slice(0, at), stage: stage ?? 'OTHER' };
}

const FORWARDED = 'forwarded as ';

/** The queue ID under which the message continues, as the text in parentheses names it. */
export function findNext(said: string): DeliveryRecord['next'] {
  const queued = findQueuedAs(said);
  if (queued !== undefined) return { queueId: queued, how: 'queued' };
  if (!said.startsWith(FORWARDED)) return undefined;
  if (endOfQueueId(said, FORWARDED.length) !== said.length) return undefined;
  return { queueId: said.slice(FORWARDED.length), how: 'forwarded' };
}

const NOTIFICATIONS: ReadonlyMap<string, DsnRecord['about']> = new Map<string, DsnRecord['about']>([
  ['sender non-delivery notification', 'failure'],
  ['sender delay notification', 'delay'],
  ['sender delivery status notification', 'success'],
  ['postmaster non-delivery notification', 'failure'],
  ['postmaster delay notification', 'delay'],
  ['postmaster delivery status notification', 'success'],
]);

/** Reads `sender non-delivery notification: QID2` of bounce(8) at `from` (bounce_notify_service.c and its siblings). */
export function parseBounce(text: string, from: number, queueId: string): DsnRecord | undefined {
  const reader = new Reader(text, from);
  const about = NOTIFICATIONS.get(reader.until(': ') ?? '');
  if (about === undefined) return undefined;
  if (endOfQueueId(text, reader.position) !== text.length) return undefined;
  const isCopy = text.startsWith('postmaster ', from) ? true : undefined;
  return { kind: 'dsn', queueId, dsnQueueId: reader.rest(), about, isCopy };
}
