/**
 * Delivery lines (log_adhoc.c), the same from every agent:
 * `to=<R>[, orig_to=<O>], relay=RELAY[, conn_use=N], delay=T, delays=T/T/T/T[, tls=F], dsn=D, status=WORD (TEXT)`.
 * Addresses and TEXT are other people's words; everything between is read from the left before TEXT begins.
 * Lines without `to=` are attempts or notes and never come here.
 */
import { decodeText } from '../../model/line.ts';
import type { DeliveryRecord, Relay, Stage } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { endOfQueueId, parseReply, takeAddress, takeClient } from './primitives.ts';
import { queuedAs } from './smtpd.ts';

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
  const relayName = reader.until(', delay=');
  if (relayName === undefined) return undefined;
  const dsn = reader.until(', dsn=') === undefined ? undefined : reader.until(', status=');
  const status = dsn === undefined ? undefined : STATUSES.get(reader.until(' (') ?? '');
  if (dsn === undefined || status === undefined) return undefined;
  const said = withoutLast(reader.rest(), ')');
  const { code, status: detail, reply, stage, cached } = outcomeText(said, dsn);
  return {
    kind: 'delivery',
    queueId,
    outcome: status.outcome,
    recipient: decodeText(recipient),
    originalRecipient: original === undefined ? undefined : decodeText(original),
    relay: parseRelay(relayName),
    probe: status.probe,
    code,
    status: detail,
    reply,
    stage,
    cached,
    next: status.outcome === 'delivered' ? findNext(said) : undefined,
  };
}

/**
 * An address in external form; else, in logs of Postfix before 3.5 or with `info_log_address_format = internal`,
 * everything up to the field that follows.
 */
function takeLoggedAddress(reader: Reader): string | undefined {
  const { position } = reader;
  // A source route is logged without quotes, and may hold the fields that follow an address: see endOfAddress.
  if (reader.text.startsWith('<@', position)) return undefined;
  const address = takeAddress(reader);
  if (address !== undefined && reader.text.startsWith(', ', reader.position)) return address;
  reader.position = position + 1;
  const relay = reader.text.indexOf('>, relay=', reader.position);
  const original = reader.text.indexOf('>, orig_to=<', reader.position);
  const end = original >= 0 && original < relay ? original : relay;
  if (end < 0) return undefined;
  const raw = reader.text.slice(reader.position, end);
  reader.position = end + 1;
  return raw;
}

function withoutLast(text: string, last: string): string {
  return text.endsWith(last) ? text.slice(0, -last.length) : text;
}

/** `HOST[IP]:PORT` or `HOST[socket]`; words such as `local`, `dovecot` and `none` are no hosts. */
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

type OutcomeText = Pick<DeliveryRecord, 'code' | 'status' | 'reply' | 'stage' | 'cached'>;

function outcomeText(said: string, dsn: string): OutcomeText {
  const cached = said.startsWith(SUSPENDED) ? true : undefined;
  const words = cached ? said.slice(SUSPENDED.length) : said;
  const remote = withoutFrame(words);
  // An answer that another message got is told whole, and its code is not this one's.
  if (cached)
    return { status: decodeText(dsn), reply: decodeText(said), stage: remote?.stage, cached };
  const { code, status, reply } = parseReply(remote?.reply ?? words, decodeText(dsn));
  return { code, status, reply, stage: remote?.stage };
}

const SUSPENDED = 'delivery temporarily suspended: ';
const REPLY_TO = ' (in reply to ';

/**
 * The reply in `host H[IP] said: REPLY (in reply to CMD)` and the stage of its command; undefined when no host is
 * quoted. The last `(in reply to` is Postfix's, an earlier one part of the reply.
 */
function withoutFrame(words: string): { reply: string; stage?: Stage } | undefined {
  const reader = new Reader(words);
  if (!reader.literal('host ') || takeClient(reader) === undefined) return undefined;
  if (!reader.literal(' said: ') && !reader.literal(' refused to talk to me: ')) return undefined;
  const reply = reader.rest();
  const at = reply.lastIndexOf(REPLY_TO);
  if (at < 0) return { reply };
  const command = reply.slice(at + REPLY_TO.length);
  const stage = COMMANDS.get(withoutLast(command, ')'));
  if (stage === undefined && !command.endsWith(')')) return { reply };
  return { reply: reply.slice(0, at), stage: stage ?? 'OTHER' };
}

function findNext(said: string): DeliveryRecord['next'] {
  const queued = queuedAs(said);
  if (queued !== undefined) return { queueId: queued, how: 'queued' };
  const prefix = 'forwarded as ';
  if (!said.startsWith(prefix)) return undefined;
  const forwarded = said.slice(prefix.length);
  if (endOfQueueId(forwarded, 0) !== forwarded.length) return undefined;
  return { queueId: forwarded, how: 'forwarded' };
}
