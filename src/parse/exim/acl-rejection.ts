/**
 * Rejections by the server's configuration: `IDENT[ F=<S>[ A=AUTH[:ID]]] [temporarily ]rejected WHAT[: TEXT]` of ACLs
 * (smtp_in.c, smtp_handle_acl_fail), what an ACL discarded, the non-SMTP ACL and local_scan() (receive.c), and the
 * warning of Postern's own recipe.
 *
 * Exim names the SASL user only on RCPT, after DATA and in MIME checks. A `sender verify fail` line comes with a
 * rejection of its own and is undefined, and so are the warnings of other recipes.
 */
import { decodeText } from '../../model/line.ts';
import type { RejectionRecord, Stage } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { takeAngleAddress, takeArgument, takeBareAddress } from './address.ts';
import { takeRejectionAuth } from './auth.ts';
import { looksForged, takeClient } from './host.ts';
import {
  createRejection,
  finishWithText,
  type Identity,
  type Rejection,
  takeIdentity,
} from './rejection-record.ts';

const QUOTE = 0x22;
const LESS_THAN = 0x3c;
const BACKSLASH = 0x5c;

/** smtp_in.c logs the argument of a command with `%.100s`. */
const LONGEST_ARGUMENT = 100;
const WARNING = ' Warning: ';

/** Reads a line that begins with `H=HOST` or `U=LOGIN`. */
export function parseAclRejection(
  queueId: string | undefined,
  text: string,
): RejectionRecord | undefined {
  const reader = new Reader(text);
  const who = takeIdentity(reader);
  if (who === undefined) return undefined;
  const start = reader.position;
  const record = createRejection(queueId, who);
  if (reader.literal(WARNING)) return readWarning(reader, who, record);
  if (!takeSenderAndUser(reader, record)) return undefined;
  if (reader.literal(' RCPT ')) return readDiscarded(reader, record);
  if (!takeRejected(reader, record)) return undefined;
  if (who.isForgeable && countRejections(text, start) > 1) return undefined;
  const read = readWhat(reader, record);
  if (who.isForgeable && !namesSender(record)) record.user = undefined;
  return read;
}

/** Whether Exim itself writes F= and A= at this stage (smtp_in.c, smtp_handle_acl_fail); else an identd wrote them. */
function namesSender({ stage }: Rejection): boolean {
  return stage === 'RCPT' || stage === 'EOM';
}

/** Takes ` F=<S>[ A=AUTH[:ID]]` and the SPF and DMARC results; false when F= is there but broken. */
function takeSenderAndUser(reader: Reader, record: Rejection): boolean {
  if (reader.literal(' F=')) {
    const isBare = reader.text.charCodeAt(reader.position) !== LESS_THAN;
    const sender = isBare ? takeBareAddress(reader) : takeAngleAddress(reader);
    if (sender === undefined) return false;
    record.sender = decodeText(sender);
    if (reader.literal(' A=') && !takeRejectionAuth(reader, record)) return false;
  }
  for (const field of [' SPF', ' DMARC']) {
    if (reader.literal(field) && reader.literal('=')) reader.word();
  }
  return true;
}

function takeRejected(reader: Reader, record: Rejection): boolean {
  if (reader.literal(' dropped by ')) {
    record.stage = 'CONNECT';
    return true;
  }
  if (reader.literal(' rejected ')) return true;
  if (!reader.literal(' temporarily rejected ')) return false;
  record.temporary = true;
  return true;
}

/** WHAT without an argument, or with one that says nothing about addresses. */
const STAGES: readonly (readonly [what: string, stage: Stage])[] = [
  ['after DATA PRDR', 'EOM'],
  ['after DATA', 'EOM'],
  ['during MIME ACL checks', 'EOM'],
  ['DATA', 'DATA'],
  ['EHLO or HELO ', 'HELO'],
  ['connection ', 'CONNECT'],
  ['AUTH ', 'AUTH'],
  ['STARTTLS', 'STARTTLS'],
  ['VRFY ', 'VRFY'],
  ['EXPN ', 'VRFY'],
  ['ETRN ', 'ETRN'],
  ['by local_scan()', 'EOM'],
];

/** How WHAT can begin. */
const WHATS: readonly string[] = ['RCPT ', 'MAIL ', ...STAGES.map(([what]) => what)];

/** How many `rejected WHAT` follow `start`: of two, a stranger wrote one. */
function countRejections(text: string, start: number): number {
  let count = 0;
  for (let at = text.indexOf('rejected ', start); at >= 0; at = text.indexOf('rejected ', at + 1)) {
    if (WHATS.some((what) => text.startsWith(what, at + 9))) count++;
  }
  return count;
}

/** Reads `WHAT[: TEXT]`. */
function readWhat(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const start = reader.position;
  const sender = record.sender ?? '';
  if (record.stage !== undefined) skipArgument(reader);
  else if (!takeCommand(reader, record)) return undefined;
  const { text, position } = reader;
  if (mayBeForged(text.slice(start, position), sender, text.slice(position))) return undefined;
  return finishWithText(reader, record);
}

function takeCommand(reader: Reader, record: Rejection): boolean {
  if (reader.literal('RCPT ')) {
    record.stage = 'RCPT';
    const recipient = takeArgument(reader, LONGEST_ARGUMENT);
    if (recipient !== undefined) record.recipient = decodeText(recipient);
    return recipient !== undefined;
  }
  if (reader.literal('MAIL ')) {
    record.stage = 'MAIL';
    const sender = takeArgument(reader, LONGEST_ARGUMENT);
    if (sender !== undefined) record.sender = decodeText(sender);
    return sender !== undefined;
  }
  record.stage = STAGES.find(([what]) => reader.literal(what))?.[1] ?? 'OTHER';
  skipArgument(reader);
  return true;
}

/** Moves to the separator of the text, or to the end. */
function skipArgument(reader: Reader): void {
  reader.upTo([': ']);
}

/**
 * Whether a HELO name may have written the line so far, because its real tail is hidden: behind an argument, in the
 * text, or between the quotes of a sender and of a recipient, whose last quote is then left over. A quoted sender
 * alone does not show that: any client may choose one, and must not go uncounted for it.
 */
function mayBeForged(argument: string, sender: string, text: string): boolean {
  if (looksForged(argument) || countRejections(text, 0) > 0) return true;
  return hasOpenQuote(text) && looksForged(sender);
}

function hasOpenQuote(text: string): boolean {
  let isOpen = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) isOpen = !isOpen;
  }
  return isOpen;
}

/** Reads `<R>: discarded by (RCPT|MAIL) ACL[: TEXT]`: the client was told that the recipient is accepted. */
function readDiscarded(reader: Reader, record: Rejection): RejectionRecord | undefined {
  const recipient = takeArgument(reader, reader.text.length);
  if (recipient === undefined || !reader.literal(': discarded by ')) return undefined;
  if (!reader.literal('RCPT ACL') && !reader.literal('MAIL ACL')) return undefined;
  record.kind = 'discarded';
  record.stage = 'RCPT';
  record.recipient = decodeText(recipient);
  return finishWithText(reader, record);
}

/** Reads `F=<S> rejected by non-SMTP ACL: TEXT`, and `F=S[ H=HOST][ P=..] rejected by local_scan(): TEXT`. */
export function parseNonSmtpRejection(
  queueId: string | undefined,
  text: string,
): RejectionRecord | undefined {
  const reader = new Reader(text, 2);
  const bracketed = text.charCodeAt(reader.position) === LESS_THAN;
  const sender = bracketed ? takeAngleAddress(reader) : takeBareAddress(reader);
  if (sender === undefined) return undefined;
  const record = createRejection(queueId);
  record.sender = decodeText(sender);
  record.stage = 'EOM';
  if (!takeHostOrLogin(reader, record)) return undefined;
  if (reader.literal(' P=')) reader.word();
  if (reader.literal(' temporarily')) record.temporary = true;
  if (!reader.literal(' rejected by ')) return undefined;
  if (!reader.literal('non-SMTP ACL') && !reader.literal('local_scan()')) return undefined;
  return finishWithText(reader, record);
}

/** Takes ` H=HOST` or ` U=LOGIN`, if there is one; false when HOST is broken. */
function takeHostOrLogin(reader: Reader, record: Rejection): boolean {
  if (reader.literal(' H=')) {
    record.client = takeClient(reader);
    return record.client !== undefined;
  }
  const login = reader.literal(' U=') ? reader.word() : undefined;
  if (login !== undefined) record.uid = decodeText(login);
  return true;
}

function readWarning(
  reader: Reader,
  who: Identity,
  record: Rejection,
): RejectionRecord | undefined {
  // An identd's answer may be such a warning, too.
  if (who.isForgeable && reader.text.indexOf(WARNING, reader.position) >= 0) return undefined;
  return readRecipeWarning(reader, record);
}

/**
 * Reads the warning of Postern's recipe, from `postern: ` on. The recipe accepts mail for an address that does not
 * exist, so that the spammer learns nothing, and logs that through `log_message`. Exim writes it as
 * `H=HOST Warning: TEXT`, without the sender and the user, so TEXT itself names them, in this form (one line):
 *
 *     postern: invalid user=BASE64 sender=BASE64 recipient=BASE64: REPLY
 *
 * In the ACL, below `warn !verify = recipient` (the operators exist since Exim 4.87; no user is an empty value):
 *
 *     log_message = postern: invalid user=${base64:$authenticated_id} \
 *                   sender=${base64:$sender_address} \
 *                   recipient=${base64:${quote_local_part:$local_part}@$domain}: \
 *                   ${sg{$acl_verify_message}{\N[\r\n]+\N}{ }}
 *
 * Base64, because the client chooses sender and recipient: a quoted local part may hold `: `, ` user=` and line ends,
 * and no other operator removes all of that. REPLY is the cause: Exim's `Unrouteable address`, or what the asked
 * server said, with or without Exim's words around it. The statements of `postern audit --harden --rehearse` write the
 * same with `rehearsal` for `invalid`; REPLY is then `NAME: TEXT`, with the name of the check. Any other text is undefined.
 */
function readRecipeWarning(reader: Reader, record: Rejection): RejectionRecord | undefined {
  if (reader.literal('postern: rehearsal user=')) record.kind = 'rehearsed';
  else if (reader.literal('postern: invalid user=')) record.accepted = true;
  else return undefined;
  const user = takeBase64(reader, ' sender=');
  const sender = takeBase64(reader, ' recipient=');
  const recipient = takeBase64(reader, ': ');
  if (user === undefined || sender === undefined || !recipient) return undefined;
  reader.position -= 2;
  record.stage = 'RCPT';
  if (user !== '') record.user = user;
  record.sender = sender;
  record.recipient = recipient;
  return finishWithText(reader, record);
}

/** Takes base64 up to `next`, and `next`. */
function takeBase64(reader: Reader, next: string): string | undefined {
  const encoded = reader.until(next);
  if (encoded === undefined || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return undefined;
  return decodeText(Buffer.from(encoded, 'base64').toString('latin1'));
}
