/**
 * Rejections by Exim itself, whose lines begin with the cause: size and loop limits (receive.c), limits on connections,
 * messages and recipients, HELO syntax, unqualified addresses, VRFY (smtp_in.c).
 *
 * Each form is a row: how the line begins, and the reader of what comes behind it.
 */
import { decodeText } from '../../model/line.ts';
import type { RejectionRecord, Stage } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { takeAngleAddress, takeArgument } from './address.ts';
import { looksForged, skipInterface, takeClient } from './host.ts';
import {
  createRejection,
  finishWithText,
  type Rejection,
  takeIdentity,
} from './rejection-record.ts';
import { parseReply, setReply, toOneLine } from './reply.ts';

const SPACE = 0x20;

/** Completes the record from what follows the beginning; undefined when the line proves nothing. */
type ReadForm = (reader: Reader, record: Rejection) => RejectionRecord | undefined;

const FORMS: readonly (readonly [beginning: string, read: ReadForm])[] = [
  ['rejected from ', readOversized],
  ['rejected MAIL FROM:', readAnnouncedSize],
  ['rejected MAIL command ', readTooManyMessages],
  ['rejected MAIL from ', readHostAt('MAIL')],
  ['rejected EHLO from ', readHostAt('HELO')],
  ['rejected HELO from ', readHostAt('HELO')],
  ['rejected "EHLO ', readHelo],
  ['rejected "HELO ', readHelo],
  ['refused connection from ', readHostAt('CONNECT')],
  ['Connection from [', readTooManyConnections],
  ['unqualified recipient rejected: ', readUnqualifiedRecipient],
  ['unqualified sender rejected: ', readUnqualifiedSender],
  ['too many recipients: ', readTooManyRecipients],
  ['VRFY failed for ', readVerify],
];

/** Reads a whole line without its message ID; undefined when it has none of these forms. */
export function parseBuiltinRejection(
  queueId: string | undefined,
  text: string,
): RejectionRecord | undefined {
  const reader = new Reader(text);
  const isTemporary = reader.literal('temporarily ');
  for (const [beginning, read] of FORMS) {
    if (!reader.literal(beginning)) continue;
    const record = createRejection(queueId);
    if (isTemporary) record.temporary = true;
    return read(reader, record);
  }
  return undefined;
}

/** For `HOST[: TEXT| TEXT]`, HOST without its `H=`. */
function readHostAt(stage: Stage): ReadForm {
  return (reader, record) => {
    record.client = takeClient(reader);
    if (record.client === undefined) return undefined; // a local session, named only by its login
    skipInterface(reader);
    record.stage = stage;
    const isText = reader.text.charCodeAt(reader.position) === SPACE;
    return isText ? finishWithRest(reader, record) : finishWithText(reader, record);
  };
}

/** The rest of the line is the reply: ` (host_reject_connection)`. */
function finishWithRest(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const text = reader.rest().slice(1);
  if (looksForged(text)) return undefined;
  setReply(record, parseReply(toOneLine(text)));
  return record;
}

const HELO_END = '" from ';

/** `EHLO NAME" from HOST`. The client chose NAME, so the line may hold this only once. */
function readHelo(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const end = reader.text.lastIndexOf(HELO_END);
  if (end < 0 || reader.text.indexOf(HELO_END) !== end) return undefined;
  reader.position = end + HELO_END.length;
  return readHostAt('HELO')(reader, record);
}

/** `<S>[ ]H=HOST[ U=IDENT]: TEXT`. There is no space in front of Exim's `Too many "Received" headers`. */
function readOversized(reader: Reader, record: Rejection): RejectionRecord | undefined {
  record.stage = 'EOM';
  return takeSenderAndClient(reader, record) ? finishWithText(reader, record) : undefined;
}

/** `<S> IDENT: message too big: size=N max=M`. */
function readAnnouncedSize(reader: Reader, record: Rejection): RejectionRecord | undefined {
  record.stage = 'MAIL';
  return takeSenderAndClient(reader, record) ? finishWithText(reader, record) : undefined;
}

function takeSenderAndClient(reader: Reader, record: Rejection): boolean {
  const sender = takeAngleAddress(reader);
  if (sender === undefined) return false;
  record.sender = decodeText(sender);
  reader.literal(' ');
  if (reader.literal('U=')) return takeLogin(reader, record);
  if (!reader.literal('H=')) return reader.text.startsWith(': ', reader.position);
  record.client = takeClient(reader);
  if (record.client === undefined) return false;
  skipInterface(reader);
  // The text of an identd is skipped only when it cannot have made up what follows.
  if (reader.literal(' U=') && reader.upTo([': ']).includes(' ')) return false;
  return reader.text.startsWith(': ', reader.position);
}

function takeLogin(reader: Reader, record: Rejection): boolean {
  const login = reader.upTo([': ']);
  if (reader.atEnd) return false;
  if (login !== 'unknown') record.uid = decodeText(login);
  return true;
}

/** `IDENT: too many messages in one connection`. */
function readTooManyMessages(reader: Reader, record: Rejection): RejectionRecord | undefined {
  return reader.literal('H=') ? readHostAt('MAIL')(reader, record) : undefined;
}

/** `IP] refused: too many connections ...`. */
function readTooManyConnections(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const address = reader.until(']');
  if (address === undefined || !/^[0-9a-fA-F:.]+$/.test(address)) return undefined;
  const port = /^:\d+/.exec(reader.text.slice(reader.position, reader.position + 6));
  if (port !== null) reader.position += port[0].length;
  if (!reader.literal(' refused')) return undefined;
  record.client = { address };
  record.stage = 'CONNECT';
  record.temporary = true; // always answered with 421
  return finishWithText(reader, record);
}

/** `<R> IDENT`. Exim answers 501 and logs no text. */
function readUnqualifiedRecipient(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const recipient = takeAngleAddress(reader);
  if (recipient === undefined || !takeLastIdentity(reader, record)) return undefined;
  record.stage = 'RCPT';
  record.recipient = decodeText(recipient);
  setReply(record, { code: 501, reply: 'unqualified recipient rejected' });
  return record;
}

/** `<S> IDENT`. Exim answers 501 and logs no text. */
function readUnqualifiedSender(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const sender = takeAngleAddress(reader);
  if (sender === undefined || !takeLastIdentity(reader, record)) return undefined;
  record.stage = 'MAIL';
  record.sender = decodeText(sender);
  setReply(record, { code: 501, reply: 'unqualified sender rejected' });
  return record;
}

/** `message rejected: sender=<S> IDENT`, `excess temporarily rejected: sender=<S> IDENT`. */
function readTooManyRecipients(reader: Reader, record: Rejection): RejectionRecord | undefined {
  if (reader.literal('excess temporarily rejected: sender=')) record.temporary = true;
  else if (!reader.literal('message rejected: sender=')) return undefined;
  const sender = takeAngleAddress(reader);
  if (sender === undefined || !takeLastIdentity(reader, record)) return undefined;
  record.stage = 'RCPT';
  record.sender = decodeText(sender);
  record.reply = 'too many recipients';
  return record;
}

/** `ARGUMENT IDENT`: someone asks for addresses. */
function readVerify(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const end = reader.text.lastIndexOf(' H=');
  if (end < 0 || reader.text.indexOf(' H=') !== end) return undefined;
  const argument = new Reader(reader.text.slice(reader.position, end));
  reader.position = end;
  const recipient = takeArgument(argument, end);
  if (recipient === undefined || !takeLastIdentity(reader, record)) return undefined;
  record.stage = 'VRFY';
  record.recipient = decodeText(recipient);
  record.reply = 'VRFY failed';
  return record;
}

/** Takes ` IDENT`, which must be the end of the line but for Exim's note about the host's name. */
function takeLastIdentity(reader: Reader, record: Rejection): boolean {
  if (!reader.literal(' ')) return false;
  const who = takeIdentity(reader);
  if (who === undefined || who.isForgeable || looksForged(reader.rest())) return false;
  if (who.client !== undefined) record.client = who.client;
  if (who.uid !== undefined) record.uid = who.uid;
  return true;
}
