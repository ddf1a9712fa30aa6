/**
 * Delivery lines: `=> -> >> *> == **` behind a message ID (deliver.c, delivery_log, deferral_log, failure_log).
 *
 * Tags are taken from the left until the free text begins; that text was chosen by the remote server and decides
 * nothing. The separator before it is `: `, since Exim 4.99 ` : ` on `**` lines.
 */
import { decodeText } from '../../model/line.ts';
import type { DeliveryRecord, RejectionRecord, Relay } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { angleAddress } from './address.ts';
import { relayHost } from './host.ts';
import { type Addresses, addressesAt } from './recipient.ts';
import { cString, printed, putReply, remoteReply, trimReply, unescapedQuotes } from './text.ts';

type Draft = { -readonly [Key in keyof DeliveryRecord]: DeliveryRecord[Key] };

/** Reads `=> ...`, `-> ...` and `>> ...`, from the address on. */
export function parseDelivered(
  queueId: string,
  text: string,
): DeliveryRecord | RejectionRecord | undefined {
  if (text.startsWith('discarded (') || isBlackholed(text)) {
    return { kind: 'discarded', queueId };
  }
  if (text.startsWith(':blackhole: <')) return parseDiscarded(queueId, text);
  const addresses = addressesAt(text, 0);
  if (addresses === undefined) return undefined;
  const draft = startDraft(queueId, 'delivered', addresses);
  tags(new Reader(text, addresses.end), draft);
  return draft;
}

/** `=> blackhole (WHO discarded recipients)`: not the local part `blackhole`, which has tags behind it. */
function isBlackholed(text: string): boolean {
  return text.startsWith('blackhole (') && text.includes(' discarded recipients)');
}

/** Reads `*> ...` (`exim -N` suppressed the delivery) and `=> :blackhole: <R>`. */
export function parseDiscarded(queueId: string, text: string): RejectionRecord | undefined {
  const reader = new Reader(text);
  const recipient = reader.literal(':blackhole: ')
    ? angleAddress(reader)
    : addressesAt(text, 0)?.recipient;
  if (recipient === undefined) return undefined;
  return { kind: 'discarded', queueId, recipient: decodeText(recipient) };
}

/** Reads `** ...`. */
export function parseBounced(queueId: string, text: string): DeliveryRecord | undefined {
  const addresses = addressesAt(text, 0);
  if (addresses === undefined) return undefined;
  const reader = new Reader(text, addresses.end);
  const draft = startDraft(queueId, 'bounced', addresses);
  tags(reader, draft);
  if (!reader.literal(' : ') && !reader.literal(': ')) {
    // `routing yielded a local delivery`, `mua_wrapper forced failure ...`: no separator
    if (reader.literal(' ')) putReply(draft, trimReply(printed(reader.rest())));
    return draft;
  }
  const reason = withoutTime(reader.rest());
  if (reason === 'retry timeout exceeded') draft.retryTimeout = true;
  explain(draft, reason);
  return draft;
}

/** Reads `== ...`: a deferral without ` defer (N)` is cut and says nothing. */
export function parseDeferred(queueId: string, text: string): DeliveryRecord | undefined {
  const addresses = addressesAt(text, 0);
  if (addresses === undefined) return undefined;
  const reader = new Reader(text, addresses.end);
  const draft = startDraft(queueId, 'deferred', addresses);
  tags(reader, draft);
  reader.literal(' routing');
  if (!reader.literal(' defer (')) return undefined;
  const number = reader.until(')');
  if (number === undefined) return undefined;
  const cause = number.startsWith('-') || number === '0' ? '' : systemError(reader);
  tags(reader, draft);
  if (reader.literal(' : ') || reader.literal(': ')) explain(draft, reader.rest(), cause);
  else if (cause !== '') draft.reply = printed(cause);
  return draft;
}

/** Takes `: strerror` of a positive errno: `Connection refused`. */
function systemError(reader: Reader): string {
  if (!reader.literal(': ')) return '';
  const { text, position } = reader;
  let end = text.length;
  for (const next of [' H=', ' DT=', ': ']) {
    const at = text.indexOf(next, position);
    if (at >= 0 && at < end) end = at;
  }
  reader.position = end;
  return text.slice(position, end);
}

/** All keys at once: V8 then keeps one shape for all deliveries, which is what their readers are fast with. */
function startDraft(queueId: string, outcome: Draft['outcome'], addresses: Addresses): Draft {
  const { recipient, original } = addresses;
  return {
    kind: 'delivery',
    queueId,
    outcome,
    recipient: decodeText(recipient),
    originalRecipient: original === undefined ? undefined : decodeText(original),
    relay: undefined,
    stage: undefined,
    code: undefined,
    status: undefined,
    reply: undefined,
    retryTimeout: undefined,
  };
}

/** Puts the reply into the record: the remote server's own, else Exim's text behind the system's `cause`. */
function explain(draft: Draft, reason: string, cause = ''): void {
  const remote = remoteReply(new Reader(reason));
  if (remote === undefined) {
    const text = printed(reason);
    putReply(draft, trimReply(cause === '' ? text : `${printed(cause)}: ${text}`));
    return;
  }
  draft.stage = remote.stage;
  putReply(draft, remote.reply);
  draft.relay ??= remote.relay;
}

/** `DT=` stands behind the text of a `**` line. */
function withoutTime(reason: string): string {
  const at = reason.lastIndexOf(' DT=');
  if (at < 0) return reason;
  return /^[0-9][0-9.wdhms]*$/.test(reason.slice(at + 4)) ? reason.slice(0, at) : reason;
}

/** Takes tags until something else begins: the text, ` defer (`, ` routing`, the end. */
function tags(reader: Reader, draft: Draft): void {
  while (!reader.atEnd && tag(reader, draft));
}

/** Takes one tag; a separator that sticks to its value (`T=smtp: text`) is left. */
function tag(reader: Reader, draft: Draft): boolean {
  const { text, position } = reader;
  if (text[position] !== ' ') return false;
  let end = position + 1;
  while (isTagByte(text.charCodeAt(end))) end++;
  if (end === position + 1) return false;
  if (text[end] !== '=') return flag(reader, text.slice(position + 1, end));
  reader.position = end + 1;
  const taken = value(reader, text.slice(position + 1, end), draft);
  if (!taken) reader.position = position;
  return taken;
}

function isTagByte(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a)
  );
}

/** Exim's tags without a value: `TFO*`, `L*`, `PRDR`, `K`. */
function flag(reader: Reader, name: string): boolean {
  if (name !== 'TFO' && name !== 'L' && name !== 'PRDR' && name !== 'K') return false;
  reader.position += name.length + 1;
  reader.literal('*');
  return true;
}

function value(reader: Reader, name: string, draft: Draft): boolean {
  const next = reader.text[reader.position];
  if (name === 'H') {
    draft.relay = hostBeforeSeparator(reader);
    return draft.relay !== undefined;
  }
  if (next === '<') return angleAddress(reader) !== undefined;
  if (next !== '"') return plainValue(reader);
  reader.position++;
  const content = cString(reader);
  if (content === undefined) return false;
  if (name === 'C') putReply(draft, trimReply(printed(unescapedQuotes(content))));
  return true;
}

function hostBeforeSeparator(reader: Reader): Relay | undefined {
  const relay = relayHost(reader);
  if (relay?.address !== undefined || relay?.host === undefined || !relay.host.endsWith(':'))
    return relay;
  reader.position--; // `H=name: text` of a local transport
  return { host: relay.host.slice(0, -1), address: undefined, port: undefined };
}

function plainValue(reader: Reader): boolean {
  const taken = reader.word();
  if (taken === undefined) return false;
  if (taken.endsWith(':')) reader.position--;
  return true;
}
