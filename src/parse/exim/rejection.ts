/**
 * Refusals of an ACL: `IDENT[ F=<S>[ A=AUTH[:ID]]] [temporarily ]rejected WHAT[: TEXT]` (smtp_in.c,
 * smtp_handle_acl_fail), what an ACL discarded, and the recipe's own warning (./invalid.ts).
 *
 * The SASL user stands only where Exim writes it: on RCPT, after DATA and in MIME checks. `sender verify fail`
 * lines come beside a rejection and are undefined, and so are warnings of other recipes.
 */
import { decodeText } from '../../model/line.ts';
import type { RejectionRecord, Stage } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { angleAddress, commandArgument } from './address.ts';
import { createDraft, type RejectionDraft, withText } from './draft.ts';
import { identity, isForged } from './host.ts';
import { parseInvalid } from './invalid.ts';

/** smtp_in.c: the argument is logged with `%.100s`. */
const ARGUMENT_LIMIT = 100;

/** Reads a line that begins with `H=HOST` or `U=LOGIN`. */
export function parseRejection(
  queueId: string | undefined,
  text: string,
): RejectionRecord | undefined {
  const reader = new Reader(text);
  const who = identity(reader);
  if (who === undefined) return undefined;
  const start = reader.position;
  const draft = createDraft('rejected', queueId, who);
  if (reader.literal(' Warning: ')) {
    // What an identd answered may be such a warning, too.
    const isOnly = !who.doubtful || text.indexOf(' Warning: ', reader.position) < 0;
    return isOnly ? parseInvalid(reader, draft) : undefined;
  }
  if (!senderAndUser(reader, draft)) return undefined;
  if (reader.literal(' RCPT ')) return discarded(reader, draft);
  if (!verdict(reader, draft)) return undefined;
  if (who.doubtful && verdicts(text, start) > 1) return undefined;
  return what(reader, draft);
}

/** How often `rejected WHAT` stands behind `start`: of two, one was written by a stranger. */
function verdicts(text: string, start: number): number {
  let count = 0;
  for (let at = text.indexOf('rejected ', start); at >= 0; at = text.indexOf('rejected ', at + 1)) {
    if (VERDICTS.some((word) => text.startsWith(word, at + 9))) count++;
  }
  return count;
}

/**
 * Whether a HELO name may have written the line so far, its real tail being hidden: behind an argument, in the
 * text, or between the quotes of a sender and of a recipient, of which the last one is then left over. A quoted
 * sender alone is no sign of that: any client may choose one, and it must not thereby go uncounted.
 */
function isDoubtful(argument: string, sender: string, text: string): boolean {
  if (isForged(argument) || verdicts(text, 0) > 0) return true;
  return isQuoteLeftOver(text) && isForged(sender);
}

function isQuoteLeftOver(text: string): boolean {
  let open = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === 0x22) open = !open;
  }
  return open;
}

/** Takes ` F=<S>[ A=AUTH[:ID]]` and the SPF and DMARC results; false when F= is there but broken. */
function senderAndUser(reader: Reader, draft: RejectionDraft): boolean {
  if (reader.literal(' F=')) {
    const sender = angleAddress(reader);
    if (sender === undefined) return false;
    draft.sender = decodeText(sender);
    if (reader.literal(' A=') && !authenticated(reader, draft)) return false;
  }
  for (const tag of [' SPF', ' DMARC']) {
    if (reader.literal(tag) && reader.literal('=')) reader.word();
  }
  return true;
}

/** `AUTH[:ID]`; the ID may hold spaces and ends where Exim goes on. */
function authenticated(reader: Reader, draft: RejectionDraft): boolean {
  const { text, position } = reader;
  let end = text.length;
  for (const next of [' rejected ', ' temporarily rejected ', ' SPF', ' DMARC', ' RCPT ']) {
    const at = text.indexOf(next, position);
    if (at >= 0 && at < end) end = at;
  }
  reader.position = end;
  const colon = text.indexOf(':', position);
  if (colon < 0 || colon + 1 >= end) return !text.slice(position, end).includes(') [');
  const id = text.slice(colon + 1, end);
  draft.user = decodeText(id);
  return !id.includes(') ['); // the end of a HOST: the tag was written by a HELO name
}

function verdict(reader: Reader, draft: RejectionDraft): boolean {
  if (reader.literal(' dropped by ')) {
    draft.stage = 'CONNECT';
    return true;
  }
  if (reader.literal(' rejected ')) return true;
  if (!reader.literal(' temporarily rejected ')) return false;
  draft.temporary = true;
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
const VERDICTS: readonly string[] = ['RCPT ', 'MAIL ', ...STAGES.map(([word]) => word)];

/** Reads `WHAT[: TEXT]`. */
function what(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const start = reader.position;
  const sender = draft.sender ?? '';
  if (draft.stage !== undefined) skipArgument(reader);
  else if (!command(reader, draft)) return undefined;
  const { text, position } = reader;
  if (isDoubtful(text.slice(start, position), sender, text.slice(position))) return undefined;
  return withText(reader, draft);
}

function command(reader: Reader, draft: RejectionDraft): boolean {
  if (reader.literal('RCPT ')) {
    draft.stage = 'RCPT';
    const recipient = commandArgument(reader, ARGUMENT_LIMIT);
    if (recipient !== undefined) draft.recipient = decodeText(recipient);
    return recipient !== undefined;
  }
  if (reader.literal('MAIL ')) {
    draft.stage = 'MAIL';
    const sender = commandArgument(reader, ARGUMENT_LIMIT);
    if (sender !== undefined) draft.sender = decodeText(sender);
    return sender !== undefined;
  }
  draft.stage = STAGES.find(([word]) => reader.literal(word))?.[1] ?? 'OTHER';
  skipArgument(reader);
  return true;
}

/** Moves to the text's separator or to the end. */
function skipArgument(reader: Reader): void {
  const at = reader.text.indexOf(': ', reader.position);
  reader.position = at < 0 ? reader.text.length : at;
}

/** `RCPT <R>: discarded by (RCPT|MAIL) ACL[: TEXT]`: the client was told that it is accepted. */
function discarded(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  const recipient = commandArgument(reader, reader.text.length);
  if (recipient === undefined || !reader.literal(': discarded by ')) return undefined;
  if (!reader.literal('RCPT ACL') && !reader.literal('MAIL ACL')) return undefined;
  return withText(reader, {
    ...draft,
    kind: 'discarded',
    stage: 'RCPT',
    recipient: decodeText(recipient),
  });
}
