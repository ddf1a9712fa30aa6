/**
 * Exim's arrival of mail from another host or of its own, with plain addresses and none of the fields that hold free
 * text but the subject:
 *
 *     <= SENDER[ R=ID] (H=[NAME ][(HELO) ][IP][:PORT] or U=LOGIN) P=WORD[ X=CIPHER][ CV=W][ A=DRIVER[:LOGIN]][ K] S=N[ id=ID][ T="SUBJECT"][ for R...]
 *
 * The line names the submitter, so the plain parser wants each field once and in this order, and nothing left over. Here
 * no value before the size can hold a space, a quote or a parenthesis, so that none can hold another field.
 */
import type { ArrivalRecord } from '../model/record.ts';
import { type ByteCursor, IP, LOGIN, NAME, REPLY, toBytes } from './bytes.ts';
import { skipWord, takeClient, takeLogin, takeMailbox, takeWord } from './exim-parts.ts';
import { OTHER } from './outcome.ts';

const SPACE = 0x20;

const NULL_SENDER = toBytes('<>');
const PARENT = toBytes(' R=');
const HOST = toBytes(' H=');
const IDENT = toBytes(' U=');
const PROTOCOL = toBytes(' P=');
const CIPHER = toBytes(' X=');
const VERIFIED = toBytes(' CV=');
const LOGGED_IN = toBytes(' A=');
const CHUNKED = toBytes(' K');
const SIZE = toBytes(' S=');
const MESSAGE_ID = toBytes(' id=');
const SUBJECT = toBytes(' T="');
const SUBJECT_END = toBytes('"');
const RECIPIENTS = toBytes(' for');
const BLANK = toBytes(' ');

/** Reads the line behind its flag. */
export function scanArrival(cursor: ByteCursor, queueId: string): ArrivalRecord | typeof OTHER {
  const sender = cursor.take(NULL_SENDER) ? '' : takeAddress(cursor);
  const parent = cursor.take(PARENT) ? takeWord(cursor, NAME) : '';
  const isRemote = cursor.take(HOST);
  const client = isRemote ? takeClient(cursor) : undefined;
  const login = !isRemote && cursor.take(IDENT) ? takeWord(cursor, LOGIN) : undefined;
  if (sender === undefined || parent === undefined || (client ?? login) === undefined) return OTHER;
  if (!cursor.take(PROTOCOL) || !skipWord(cursor, NAME)) return OTHER;
  if (cursor.take(CIPHER) && !skipWord(cursor, IP | NAME)) return OTHER;
  if (cursor.take(VERIFIED) && !skipWord(cursor, NAME)) return OTHER;
  const user = cursor.take(LOGGED_IN) ? takeLogin(cursor) : '';
  if (user === undefined) return OTHER;
  cursor.take(CHUNKED);
  const size = cursor.take(SIZE) ? cursor.number() : -1;
  if (size < 0) return OTHER;
  const messageId = cursor.take(MESSAGE_ID) ? takeAddress(cursor) : '';
  if (messageId === undefined || !skipSubject(cursor)) return OTHER;
  const recipients: string[] | undefined = cursor.take(RECIPIENTS) ? [] : undefined;
  if (recipients !== undefined && !takeRecipients(cursor, recipients)) return OTHER;
  if (!cursor.atEnd) return OTHER;
  return {
    kind: 'arrival',
    queueId,
    sender,
    client,
    user: user === '' ? undefined : user,
    ambiguousLogin: undefined,
    // A DSN is in the name of Exim's own account.
    uid: parent === '' ? login : undefined,
    size,
    recipients,
    parentQueueId: parent === '' ? undefined : parent,
    messageId: messageId === '' ? undefined : messageId,
  };
}

/** Takes an address that a space or the end follows. */
function takeAddress(cursor: ByteCursor): string | undefined {
  const address = takeMailbox(cursor);
  return cursor.atEnd || cursor.bytes[cursor.at] === SPACE ? address : undefined;
}

/** Takes the subject, if it has neither quotes nor escapes. */
function skipSubject(cursor: ByteCursor): boolean {
  if (!cursor.take(SUBJECT)) return true;
  cursor.at = cursor.endOf(REPLY);
  return cursor.take(SUBJECT_END);
}

/** Takes addresses, each behind a blank; false if one of them is not plain. */
function takeRecipients(cursor: ByteCursor, recipients: string[]): boolean {
  while (cursor.take(BLANK)) {
    const recipient = takeAddress(cursor);
    if (recipient === undefined) return false;
    recipients.push(recipient);
  }
  return true;
}
