/**
 * Refusals whose line does not begin with the client: size and loop limits, connection limits, HELO syntax,
 * unqualified addresses, non-SMTP ACL, local_scan, VRFY. Their frames are Exim's own words (smtp_in.c, receive.c).
 *
 * Each form is a row: how the line begins, and the reader of what comes behind it.
 */
import { decodeText } from '../../model/line.ts';
import type { RejectionRecord, Stage } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { angleAddress, bareAddress, commandArgument } from './address.ts';
import { createDraft, type RejectionDraft, withText } from './draft.ts';
import { clientHost, type Identity, identity, isForged, skipInterface } from './host.ts';
import { oneLine, putReply, trimReply } from './text.ts';

type Read = (reader: Reader, draft: RejectionDraft) => RejectionRecord | undefined;

const FORMS: readonly (readonly [beginning: string, read: Read])[] = [
  ['rejected from ', oversized],
  ['rejected MAIL FROM:', announcedSize],
  ['rejected MAIL command ', tooManyMessages],
  ['rejected MAIL from ', at('MAIL')],
  ['rejected EHLO from ', at('HELO')],
  ['rejected HELO from ', at('HELO')],
  ['rejected "EHLO ', helo],
  ['rejected "HELO ', helo],
  ['refused connection from ', at('CONNECT')],
  ['Connection from [', tooManyConnections],
  ['unqualified recipient rejected: ', unqualified],
  ['unqualified sender rejected: ', unqualified],
  ['too many recipients: ', tooManyRecipients],
  ['VRFY failed for ', verify],
  ['F=', local],
];

const TEMPORARILY = 'temporarily ';

/** Reads a whole line without its message ID; undefined when it is none of these forms. */
export function parseRefusal(
  queueId: string | undefined,
  text: string,
): RejectionRecord | undefined {
  const reader = new Reader(text);
  const draft = createDraft('rejected', queueId, NOBODY);
  if (reader.literal(TEMPORARILY)) draft.temporary = true;
  for (const [beginning, read] of FORMS) {
    if (reader.literal(beginning)) return read(reader, draft);
  }
  return undefined;
}

const NOBODY: Identity = { client: undefined, uid: undefined, doubtful: false };

/** `HOST[: TEXT| TEXT]`, HOST without its `H=`. */
function at(stage: Stage): Read {
  return (reader, draft) => {
    draft.client = clientHost(reader);
    if (draft.client === undefined) return undefined; // a local session, named by its login only
    skipInterface(reader);
    draft.stage = stage;
    return reader.text[reader.position] === ' ' ? withRest(reader, draft) : withText(reader, draft);
  };
}

/** `EHLO NAME" from HOST`: NAME is the client's word, so its last end counts. */
function helo(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const end = reader.text.lastIndexOf('" from ');
  if (end < 0 || reader.text.indexOf('" from ') !== end) return undefined;
  reader.position = end + 7;
  return at('HELO')(reader, draft);
}

/** `<S>[ ]H=HOST[ U=IDENT]: TEXT` (there is no space before Exim's `Too many "Received" headers`). */
function oversized(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  draft.stage = 'EOM';
  return senderAndClient(reader, draft) ? withText(reader, draft) : undefined;
}

/** `<S> IDENT: message too big: size=N max=M`. */
function announcedSize(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  draft.stage = 'MAIL';
  return senderAndClient(reader, draft) ? withText(reader, draft) : undefined;
}

function senderAndClient(reader: Reader, draft: RejectionDraft): boolean {
  const sender = angleAddress(reader);
  if (sender === undefined) return false;
  draft.sender = decodeText(sender);
  reader.literal(' ');
  if (reader.literal('U=')) return login(reader, draft);
  if (!reader.literal('H=')) return reader.text.startsWith(': ', reader.position);
  draft.client = clientHost(reader);
  if (draft.client === undefined) return false;
  skipInterface(reader);
  if (reader.literal(' U=')) {
    if (!isSingleColon(reader)) return false;
    reader.position = reader.text.indexOf(': ', reader.position);
  }
  return reader.text.startsWith(': ', reader.position);
}

/** Text of an identd is only passed over when it cannot have made up what follows. */
function isSingleColon(reader: Reader): boolean {
  const first = reader.text.indexOf(': ', reader.position);
  return first >= 0 && !reader.text.slice(reader.position, first).includes(' ');
}

function login(reader: Reader, draft: RejectionDraft): boolean {
  const end = reader.text.indexOf(': ', reader.position);
  if (end < 0) return false;
  const name = reader.text.slice(reader.position, end);
  if (name !== 'unknown') draft.uid = decodeText(name);
  reader.position = end;
  return true;
}

/** `IDENT: too many messages in one connection`. */
function tooManyMessages(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  if (!reader.literal('H=')) return undefined;
  return at('MAIL')(reader, draft);
}

/** `IP] refused: too many connections ...`. */
function tooManyConnections(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const address = reader.until(']');
  if (address === undefined || !/^[0-9a-fA-F:.]+$/.test(address)) return undefined;
  const port = /^:\d+/.exec(reader.text.slice(reader.position, reader.position + 6));
  if (port !== null) reader.position += port[0].length;
  if (!reader.literal(' refused')) return undefined;
  draft.client = { address };
  draft.stage = 'CONNECT';
  draft.temporary = true; // always answered with 421
  return withText(reader, draft);
}

/** `<X> IDENT`; Exim answers 501 and logs no text. */
function unqualified(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const isSender = reader.text.startsWith('unqualified sender');
  const address = angleAddress(reader);
  if (address === undefined || !who(reader, draft)) return undefined;
  const said = isSender ? 'sender' : 'recipient';
  const named = isSender ? { sender: decodeText(address) } : { recipient: decodeText(address) };
  return {
    ...draft,
    stage: isSender ? 'MAIL' : 'RCPT',
    ...named,
    code: 501,
    reply: `unqualified ${said} rejected`,
  };
}

/** `message rejected: sender=<S> IDENT`, `excess temporarily rejected: sender=<S> IDENT`. */
function tooManyRecipients(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  if (reader.literal('excess temporarily rejected: sender=')) draft.temporary = true;
  else if (!reader.literal('message rejected: sender=')) return undefined;
  const sender = angleAddress(reader);
  if (sender === undefined || !who(reader, draft)) return undefined;
  return { ...draft, stage: 'RCPT', sender: decodeText(sender), reply: 'too many recipients' };
}

/** `ARGUMENT IDENT`: someone asks for addresses. */
function verify(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const end = reader.text.lastIndexOf(' H=');
  if (end < 0 || reader.text.indexOf(' H=') !== end) return undefined;
  const argument = new Reader(reader.text.slice(reader.position, end));
  reader.position = end;
  const recipient = commandArgument(argument, end);
  if (recipient === undefined || !who(reader, draft)) return undefined;
  return { ...draft, stage: 'VRFY', recipient: decodeText(recipient), reply: 'VRFY failed' };
}

/** Takes ` IDENT`, which must be the line's end but for Exim's note about the host's name. */
function who(reader: Reader, draft: RejectionDraft): boolean {
  if (!reader.literal(' ')) return false;
  const found = identity(reader);
  if (found === undefined || found.doubtful || isForged(reader.rest())) return false;
  if (found.client !== undefined) draft.client = found.client;
  if (found.uid !== undefined) draft.uid = found.uid;
  return true;
}

/** `F=<S> rejected by non-SMTP ACL: TEXT` and local_scan's `F=S[ H=HOST][ P=..] rejected by local_scan(): TEXT`. */
function local(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const bracketed = reader.text[reader.position] === '<';
  const sender = bracketed ? angleAddress(reader) : bareAddress(reader);
  if (sender === undefined) return undefined;
  draft.sender = decodeText(sender);
  draft.stage = 'EOM';
  if (reader.literal(' H=')) {
    draft.client = clientHost(reader);
    if (draft.client === undefined) return undefined;
  } else if (reader.literal(' U=')) {
    const name = reader.word();
    if (name !== undefined) draft.uid = decodeText(name);
  }
  if (reader.literal(' P=')) reader.word();
  if (reader.literal(' temporarily')) draft.temporary = true;
  if (!reader.literal(' rejected by ')) return undefined;
  if (!reader.literal('non-SMTP ACL') && !reader.literal('local_scan()')) return undefined;
  return withText(reader, draft);
}

/** The rest of the line is the reply: ` (host_reject_connection)`. */
function withRest(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const text = reader.rest().slice(1);
  if (isForged(text)) return undefined;
  putReply(draft, trimReply(oneLine(text)));
  return draft;
}
