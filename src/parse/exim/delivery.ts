/**
 * What happens to a message (deliver.c): the delivery lines `=> -> >> *> == **` (delivery_log, deferral_log,
 * failure_log), and the states of a message as a whole (`Completed`, `Frozen`, ...).
 *
 * Fields are taken from the left until the free text begins. The remote server chose that text, so it decides nothing.
 * The separator in front of it is `: `, since Exim 4.99 ` : ` on `**` lines.
 */
import { decodeText } from '../../model/line.ts';
import type { DeliveryRecord, LogRecord, RejectionRecord, Relay } from '../../model/record.ts';
import type { Mutable } from '../parser.ts';
import { isAlphanumeric, Reader } from '../reader.ts';
import { takeAngleAddress, takeBareAddress } from './address.ts';
import { takeRelay } from './host.ts';
import { readRecipient } from './recipient.ts';
import {
  parseReply,
  setReply,
  takeCString,
  takeRemoteReply,
  unescapeQuotes,
  unescapeText,
} from './reply.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const LESS_THAN = 0x3c;
const EQUALS = 0x3d;

/** A delivery that is still being read. */
export type Delivery = Mutable<DeliveryRecord>;

/** Reads `=> ...`, `-> ...` and `>> ...`, from the address on. */
export function parseDelivered(
  queueId: string,
  text: string,
): DeliveryRecord | RejectionRecord | undefined {
  if (text.startsWith('discarded (') || isBlackhole(text)) return { kind: 'discarded', queueId };
  if (text.startsWith(':blackhole: <')) return parseDiscarded(queueId, text);
  const reader = new Reader(text);
  const record = takeRecipient(reader, queueId, 'delivered');
  if (record !== undefined) takeFields(reader, record);
  return record;
}

/** `=> blackhole (WHO discarded recipients)`: not the local part `blackhole`, which has fields behind it. */
function isBlackhole(text: string): boolean {
  return text.startsWith('blackhole (') && text.includes(' discarded recipients)');
}

/** Reads `*> ...` (`exim -N` suppressed the delivery) and `=> :blackhole: <R>`. */
export function parseDiscarded(queueId: string, text: string): RejectionRecord | undefined {
  const reader = new Reader(text);
  const recipient = reader.literal(':blackhole: ')
    ? takeAngleAddress(reader)
    : readRecipient(text, 0)?.recipient;
  if (recipient === undefined) return undefined;
  return { kind: 'discarded', queueId, recipient: decodeText(recipient) };
}

/** Reads `** ...`. */
export function parseBounced(queueId: string, text: string): DeliveryRecord | undefined {
  const reader = new Reader(text);
  const record = takeRecipient(reader, queueId, 'bounced');
  if (record === undefined) return undefined;
  takeFields(reader, record);
  if (reader.literal(' : ') || reader.literal(': ')) {
    setFailure(record, reader.rest());
  } else if (reader.literal(' ')) {
    // `routing yielded a local delivery`, `mua_wrapper forced failure ...` have no separator.
    setReply(record, parseReply(unescapeText(reader.rest())));
  }
  return record;
}

/** Reads `== ...`: a deferral without ` defer (N)` was cut and says nothing. */
export function parseDeferred(queueId: string, text: string): DeliveryRecord | undefined {
  const reader = new Reader(text);
  const record = takeRecipient(reader, queueId, 'deferred');
  if (record === undefined) return undefined;
  takeFields(reader, record);
  reader.literal(' routing');
  if (!reader.literal(' defer (')) return undefined;
  const number = reader.until(')');
  if (number === undefined) return undefined;
  const hasErrno = !number.startsWith('-') && number !== '0';
  const cause = hasErrno && reader.literal(': ') ? reader.upTo([' H=', ' DT=', ': ']) : '';
  takeFields(reader, record);
  if (reader.literal(' : ') || reader.literal(': ')) setReason(record, reader.rest(), cause);
  else if (cause !== '') record.reply = unescapeText(cause);
  return record;
}

/** Takes the addresses that the line begins with into a new record. */
function takeRecipient(
  reader: Reader,
  queueId: string,
  outcome: Delivery['outcome'],
): Delivery | undefined {
  const addresses = readRecipient(reader.text, 0);
  if (addresses === undefined) return undefined;
  const { recipient, original, end } = addresses;
  reader.position = end;
  return createDelivery(queueId, outcome, decodeText(recipient), original && decodeText(original));
}

/** All keys at once: V8 then keeps one shape for all deliveries, which makes reading them fast. */
export function createDelivery(
  queueId: string,
  outcome: Delivery['outcome'],
  recipient: string,
  originalRecipient: string | undefined,
): Delivery {
  return {
    kind: 'delivery',
    queueId,
    outcome,
    recipient,
    originalRecipient,
    relay: undefined,
    stage: undefined,
    code: undefined,
    status: undefined,
    reply: undefined,
    local: undefined,
    retryTimeout: undefined,
  };
}

/** Puts what follows the separator of a failure into the record. */
export function setFailure(record: Delivery, text: string): void {
  const reason = removeDeliveryTime(text);
  if (reason === 'retry timeout exceeded') record.retryTimeout = true;
  setReason(record, reason);
}

/** Puts the reply into the record: the remote server's own, or Exim's text behind the system's `cause`. */
export function setReason(record: Delivery, reason: string, cause = ''): void {
  const remote = takeRemoteReply(new Reader(reason));
  if (remote === undefined) {
    const text = unescapeText(reason);
    setReply(record, parseReply(cause === '' ? text : `${unescapeText(cause)}: ${text}`));
    return;
  }
  record.stage = remote.stage;
  setReply(record, remote.reply);
  record.relay ??= remote.relay;
}

/** Removes the `DT=` that follows the text of a `**` line. */
function removeDeliveryTime(reason: string): string {
  const at = reason.lastIndexOf(' DT=');
  if (at < 0) return reason;
  return /^[0-9][0-9.wdhms]*$/.test(reason.slice(at + 4)) ? reason.slice(0, at) : reason;
}

/** Takes fields until something else begins: the text, ` defer (`, ` routing`, the end. */
function takeFields(reader: Reader, record: Delivery): void {
  while (!reader.atEnd && takeField(reader, record));
}

/** Takes one field; a separator that sticks to its value (`T=smtp: text`) is left. */
function takeField(reader: Reader, record: Delivery): boolean {
  const { text, position } = reader;
  if (text.charCodeAt(position) !== SPACE) return false;
  let end = position + 1;
  while (isAlphanumeric(text.charCodeAt(end))) end++;
  if (end === position + 1) return false;
  const name = text.slice(position + 1, end);
  if (text.charCodeAt(end) !== EQUALS) return takeFlag(reader, name);
  reader.position = end + 1;
  const isTaken = takeValue(reader, name, record);
  if (!isTaken) reader.position = position;
  return isTaken;
}

/** Exim's fields without a value: `TFO*`, `L*`, `PRDR`, `K`. */
function takeFlag(reader: Reader, name: string): boolean {
  if (name !== 'TFO' && name !== 'L' && name !== 'PRDR' && name !== 'K') return false;
  reader.position += name.length + 1;
  reader.literal('*');
  return true;
}

function takeValue(reader: Reader, name: string, record: Delivery): boolean {
  const next = reader.text.charCodeAt(reader.position);
  if (name === 'H') {
    record.relay = takeRelayBeforeText(reader);
    if (record.local === 'mailbox' && record.relay?.address !== undefined) record.local = undefined;
    return record.relay !== undefined;
  }
  if (next === LESS_THAN) return takeAngleAddress(reader) !== undefined;
  if (next !== QUOTE) {
    const start = reader.position;
    const isTaken = skipWord(reader);
    if (name === 'T') record.local = findLocal(reader.text.slice(start, reader.position));
    return isTaken;
  }
  reader.position++;
  const content = takeCString(reader);
  if (content === undefined) return false;
  if (name === 'C') setReply(record, parseReply(unescapeText(unescapeQuotes(content))));
  return true;
}

/**
 * What a transport delivers to, by its name: a driver is not logged. A transport without `smtp` in its name is a local
 * one if no host follows.
 */
export function findLocal(transport: string): DeliveryRecord['local'] {
  if (transport === 'remote_smtp') return undefined;
  if (/lmtp/i.test(transport)) return 'lmtp';
  return /smtp/i.test(transport) ? undefined : 'mailbox';
}

function takeRelayBeforeText(reader: Reader): Relay | undefined {
  const relay = takeRelay(reader);
  if (relay?.address !== undefined || !relay?.host?.endsWith(':')) return relay;
  reader.position--; // `H=name: text` of a local transport
  return { host: relay.host.slice(0, -1), address: undefined, port: undefined };
}

function skipWord(reader: Reader): boolean {
  const start = reader.position;
  if (reader.word() === undefined) return false;
  const last = reader.position - 1;
  if (last >= start && reader.text.charCodeAt(last) === COLON) reader.position = last;
  return true;
}

/** Reads the state of a message, the text behind its ID; undefined for every other text. */
export function parseQueueState(queueId: string, logged: string): LogRecord | undefined {
  const text = logged.startsWith('*** Frozen') ? logged.slice(4) : logged;
  if (text === 'Completed' || text.startsWith('Completed QT=')) {
    return { kind: 'removed', queueId, how: 'done' };
  }
  if (text === 'Frozen' || text.startsWith('Frozen ')) return createHeld(queueId, text.slice(7));
  if (text.startsWith('frozen by ')) return createHeld(queueId, text);
  if (text.startsWith('cancelled by ')) return { kind: 'removed', queueId, how: 'canceled' };
  if (text.startsWith('removed by ')) return { kind: 'removed', queueId, how: 'operator' };
  // The client was gone when the `<=` line was written, so the message does not exist (receive.c).
  if (text.startsWith('rescind the above message-accept')) {
    return { kind: 'removed', queueId, how: 'canceled' };
  }
  return text.startsWith(IDENTIFICATION) ? parseIdentification(queueId, text) : undefined;
}

const IDENTIFICATION = 'Sender identification U=';

/** Reads `Sender identification U=LOGIN D=DOMAIN S=ADDRESS`, which the ACLs of cPanel log for each message. */
function parseIdentification(queueId: string, text: string): LogRecord | undefined {
  const reader = new Reader(text, IDENTIFICATION.length);
  const login = reader.word();
  if (login === undefined || !reader.literal(' D=') || reader.word() === undefined)
    return undefined;
  if (!reader.literal(' S=')) return undefined;
  const sender = takeBareAddress(reader);
  if (sender === undefined || !reader.atEnd) return undefined;
  return { kind: 'identification', queueId, uid: decodeText(login), sender: decodeText(sender) };
}

function createHeld(queueId: string, reply: string): LogRecord {
  return reply === ''
    ? { kind: 'held', queueId }
    : { kind: 'held', queueId, reply: decodeText(reply) };
}
