/**
 * The addresses at the front of a delivery line: `FINAL[ (PARENT, ...)][ <ORIGINAL>]` (deliver.c, string_log_address).
 *
 * Exim prints FINAL without the quotes of its local part, so FINAL may hold spaces, ` <victim@example.com>`, ` R=` and
 * a whole forged result. But whenever it does, ` <"...">` follows with the quoted spelling. That one is found first,
 * because its text equals everything in front of it. All other addresses end by their grammar.
 */
import { endOfRun, Reader } from '../reader.ts';
import { endOfAddress, splitAddress, takeAngleAddress, unquote } from './address.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const LESS_THAN = 0x3c;
const EQUALS = 0x3d;
const GREATER_THAN = 0x3e;
const UPPER_F = 0x46;
const UPPER_P = 0x50;
const UPPER_Q = 0x51;
const UPPER_R = 0x52;
const UPPER_T = 0x54;

interface Addresses {
  readonly recipient: string;
  readonly original?: string;
}

interface LoggedRecipient extends Addresses {
  /** index behind the last address */
  readonly end: number;
}

/** Reads the addresses at `start`; undefined when nothing follows that can follow them. */
export function readRecipient(text: string, start: number): LoggedRecipient | undefined {
  return (
    readQuotedOriginal(text, start) ?? readPathOrPipe(text, start) ?? readPlainAddress(text, start)
  );
}

const AFTER_ADDRESS = [' : ', ' SRS=<', ' routing', ' defer (', ' mua_wrapper '] as const;

/** Whether an address can end here: at the end of the line, in front of a field, or of the text's separator. */
function canEndAt(text: string, end: number): boolean {
  if (end === text.length) return true;
  const code = text.charCodeAt(end);
  if (code === COLON) return text.charCodeAt(end + 1) === SPACE;
  if (code !== SPACE) return false;
  if (text.charCodeAt(end + 2) === EQUALS) return isFieldName(text, end + 1);
  return AFTER_ADDRESS.some((words) => text.startsWith(words, end));
}

/** True for `R=`, `T=`, `Q=`, `F=` and `P=<` at `at`, where there is a name of one letter. */
function isFieldName(text: string, at: number): boolean {
  switch (text.charCodeAt(at)) {
    case UPPER_R:
    case UPPER_T:
    case UPPER_Q:
    case UPPER_F: // some builds write the sender without brackets
      return true;
    case UPPER_P:
      return text.charCodeAt(at + 2) === LESS_THAN;
    default:
      return false;
  }
}

/** Reads ` <"local part"@domain>` whose local part without quotes is the text in front of it. */
function readQuotedOriginal(text: string, start: number): LoggedRecipient | undefined {
  for (let at = text.indexOf(' <"', start); at >= 0; at = text.indexOf(' <"', at + 1)) {
    const close = endOfOriginal(text, at);
    if (close < 0) continue;
    if (close - at < at - start) continue; // the original is never shorter than what it became
    const original = text.slice(at + 2, close);
    const addresses = compareMailboxes(text.slice(start, at), original);
    if (addresses !== undefined) return { ...addresses, end: close + 1 };
  }
  return undefined;
}

/** Index of the bracket that closes ` <ORIGINAL>` at `at`, -1 when it is not the last of the addresses. */
function endOfOriginal(text: string, at: number): number {
  const close = endOfAddress(text, at + 2);
  if (close < 0 || text.charCodeAt(close) !== GREATER_THAN) return -1;
  return canEndAt(text, close + 1) ? close : -1;
}

/** FINAL beside its quoted original: the same address, with another domain, or only the local part. */
function compareMailboxes(final: string, original: string): Addresses | undefined {
  const [quotedLocal, domain] = splitAddress(original);
  const local = unquote(quotedLocal).toLowerCase();
  const logged = final.toLowerCase();
  if (logged === local || logged === `${local}@${domain.toLowerCase()}`) {
    return { recipient: original };
  }
  const at = logged.lastIndexOf('@');
  const loggedLocal = at < 0 ? logged : logged.slice(0, at);
  if (logged.includes(' ', loggedLocal.length)) return undefined;
  // A router may have taken off a prefix or a suffix.
  if (!local.startsWith(loggedLocal) && !local.endsWith(loggedLocal)) return undefined;
  return { recipient: final, original };
}

/** Before the address that it belongs to: a pipe, file, reply or name, or a mailbox with a pipe (cPanel). */
const PATH_OR_PIPE = /[|/>]|save |[^\x00-\x20"<>()@|]{1,64} \|\//y;

/**
 * Reads `|command`, `/file`, `>reply`, `save name`, and `sales |/path/autorespond ...` of cPanel: any text up to the
 * original address, which always follows. That address is the recipient: a command is not one, and may hold a password.
 */
function readPathOrPipe(text: string, start: number): LoggedRecipient | undefined {
  if (endOfRun(PATH_OR_PIPE, text, start) === start) return undefined;
  for (let at = text.indexOf(' <', start); at >= 0; at = text.indexOf(' <', at + 1)) {
    const close = endOfOriginal(text, at);
    if (close < 0) continue;
    return { recipient: text.slice(at + 2, close), end: close + 1 };
  }
  return undefined;
}

function readPlainAddress(text: string, start: number): LoggedRecipient | undefined {
  const end = endOfPlainAddress(text, start);
  if (end < 0) return undefined;
  const recipient = text.slice(start, end);
  const reader = new Reader(text, end);
  if (reader.literal(' (') && !skipParents(reader)) return undefined;
  if (!text.startsWith(' <', reader.position)) {
    return canEndAt(text, reader.position) ? { recipient, end: reader.position } : undefined;
  }
  reader.position++;
  const original = takeAngleAddress(reader);
  if (original === undefined || !canEndAt(text, reader.position)) return undefined;
  return { ...chooseSpelling(recipient, original), end: reader.position };
}

/** The original says nothing new when it differs only in case or domain, which is Exim's own doing. */
export function chooseSpelling(recipient: string, original: string): Addresses {
  if (recipient === original) return { recipient };
  const [local] = splitAddress(original);
  if (local === recipient) return { recipient: original };
  const same = [original, unquote(original), local, unquote(local)];
  const logged = recipient.toLowerCase();
  if (same.some((form) => form.toLowerCase() === logged)) return { recipient: original };
  return { recipient, original };
}

/** End of an address, or of a word when Exim made something else from the address. */
function endOfPlainAddress(text: string, start: number): number {
  const end = endOfAddress(text, start);
  if (end >= 0 && (canEndAt(text, end) || text.charCodeAt(end) === SPACE)) return end;
  if (text[start] === '"') return -1;
  let space = text.indexOf(' ', start);
  if (space < 0) space = text.length;
  if (space > start && text.charCodeAt(space - 1) === COLON) space--;
  return space > start ? space : -1;
}

/** Takes `PARENT[, PARENT...])`. */
function skipParents(reader: Reader): boolean {
  for (;;) {
    const end = endOfAddress(reader.text, reader.position);
    if (end < 0) return false;
    reader.position = end;
    if (reader.literal(')')) return true;
    if (!reader.literal(', ')) return false;
  }
}
