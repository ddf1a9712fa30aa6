/**
 * The addresses at the front of a delivery line: `FINAL[ (PARENT, ...)][ <ORIG>]` (deliver.c, string_log_address).
 *
 * Exim prints FINAL without the quotes of its local part, so FINAL may hold spaces, ` <victim@example.com>`,
 * ` R=` and a whole forged result. But whenever it does, ` <"...">` follows with the quoted spelling: that one is
 * found first, by its text being equal to everything before it. All other addresses end by their grammar.
 */
import { Reader } from '../reader.ts';
import { addressEnd, angleAddress, splitAddress, unquoted } from './address.ts';

export interface Addresses {
  readonly recipient: string;
  readonly original?: string;
  /** index behind the last address */
  readonly end: number;
}

/** Reads the addresses at `start`; undefined when nothing that can follow them follows. */
export function addressesAt(text: string, start: number): Addresses | undefined {
  return quotedOriginal(text, start) ?? pathOrPipe(text, start) ?? plain(text, start);
}

const BEHIND = [' : ', ' SRS=<', ' routing', ' defer (', ' mua_wrapper '];

/** Whether an address can end here: at the line's end, before a tag, before the text's separator. */
function isEnd(text: string, end: number): boolean {
  if (end === text.length) return true;
  const code = text.charCodeAt(end);
  if (code === 0x3a) return text.charCodeAt(end + 1) === 0x20;
  if (code !== 0x20) return false;
  if (text.charCodeAt(end + 2) === 0x3d) return isTag(text, end + 1);
  return BEHIND.some((tag) => text.startsWith(tag, end));
}

/** `R=`, `T=`, `Q=`, `F=<`, `P=<`. */
function isTag(text: string, at: number): boolean {
  switch (text.charCodeAt(at)) {
    case 0x52:
    case 0x54:
    case 0x51:
      return true;
    case 0x46:
    case 0x50:
      return text.charCodeAt(at + 2) === 0x3c;
    default:
      return false;
  }
}

/** ` <"local part"@domain>` whose unquoted local part is the text before it. */
function quotedOriginal(text: string, start: number): Addresses | undefined {
  for (let at = text.indexOf(' <"', start); at >= 0; at = text.indexOf(' <"', at + 1)) {
    const close = addressEnd(text, at + 2);
    if (close < 0 || text[close] !== '>' || !isEnd(text, close + 1)) continue;
    if (close - at < at - start) continue; // the original is never shorter than what it became
    const original = text.slice(at + 2, close);
    const recipient = sameMailbox(text.slice(start, at), original);
    if (recipient !== undefined) return { ...recipient, end: close + 1 };
  }
  return undefined;
}

/** FINAL beside its quoted original: the same address, another domain, or only the local part. */
function sameMailbox(final: string, original: string): Omit<Addresses, 'end'> | undefined {
  const [quotedLocal, domain] = splitAddress(original);
  const local = unquoted(quotedLocal).toLowerCase();
  const printed = final.toLowerCase();
  if (printed === local || printed === `${local}@${domain.toLowerCase()}`) {
    return { recipient: original };
  }
  const at = printed.lastIndexOf('@');
  const printedLocal = at < 0 ? printed : printed.slice(0, at);
  if (printed.includes(' ', printedLocal.length)) return undefined;
  // A router may have taken a prefix or a suffix off.
  if (!local.startsWith(printedLocal) && !local.endsWith(printedLocal)) return undefined;
  return { recipient: final, original };
}

/** `|command`, `/file`, `>reply`, `save name`: any text up to the original address, which always follows. */
function pathOrPipe(text: string, start: number): Addresses | undefined {
  const first = text[start];
  if (first !== '|' && first !== '/' && first !== '>' && !text.startsWith('save ', start)) {
    return undefined;
  }
  for (let at = text.indexOf(' <', start); at >= 0; at = text.indexOf(' <', at + 1)) {
    const close = addressEnd(text, at + 2);
    if (close < 0 || text[close] !== '>' || !isEnd(text, close + 1)) continue;
    const final = withoutParents(text.slice(start, at));
    return { recipient: final, original: text.slice(at + 2, close), end: close + 1 };
  }
  return undefined;
}

function withoutParents(final: string): string {
  const at = final.endsWith(')') ? final.lastIndexOf(' (') : -1;
  return at > 0 ? final.slice(0, at) : final;
}

function plain(text: string, start: number): Addresses | undefined {
  const end = plainEnd(text, start);
  if (end < 0) return undefined;
  const recipient = text.slice(start, end);
  const reader = new Reader(text, end);
  if (reader.literal(' (') && !parents(reader)) return undefined;
  if (!text.startsWith(' <', reader.position)) {
    return isEnd(text, reader.position) ? { recipient, end: reader.position } : undefined;
  }
  reader.position++;
  const original = angleAddress(reader);
  if (original === undefined || !isEnd(text, reader.position)) return undefined;
  return { ...spelled(recipient, original), end: reader.position };
}

/** The original tells nothing new when only the case or the domain differs by Exim's own doing. */
function spelled(recipient: string, original: string): Omit<Addresses, 'end'> {
  if (recipient === original) return { recipient };
  const [local] = splitAddress(original);
  if (local === recipient) return { recipient: original };
  const same = [original, unquoted(original), local, unquoted(local)];
  const printed = recipient.toLowerCase();
  if (same.some((form) => form.toLowerCase() === printed)) return { recipient: original };
  return { recipient, original };
}

/** End of an address, or of a word when Exim made something from it that is none. */
function plainEnd(text: string, start: number): number {
  const end = addressEnd(text, start);
  if (end >= 0 && (isEnd(text, end) || text[end] === ' ')) return end;
  if (text[start] === '"') return -1;
  let space = text.indexOf(' ', start);
  if (space < 0) space = text.length;
  if (space > start && text[space - 1] === ':') space--;
  return space > start ? space : -1;
}

/** Takes `PARENT[, PARENT...])`. */
function parents(reader: Reader): boolean {
  for (;;) {
    const end = addressEnd(reader.text, reader.position);
    if (end < 0) return false;
    reader.position = end;
    if (reader.literal(')')) return true;
    if (!reader.literal(', ')) return false;
  }
}
