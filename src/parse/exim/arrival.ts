/**
 * The arrival line: `<= SENDER ...` (and `(= ...`: accepted, but the client was told otherwise).
 *
 * Everything that says who handed the mail in stands on this line, beside fields that strangers choose. So it is
 * read strictly: each known tag once, in Exim's order (receive.c), with the size, which is never missing, and
 * nothing left over at the end. A line that does not fit is undefined rather than somebody else's; only what stands
 * behind the size may be unknown where no field before it is free text. Unknown ` XX=` tags are skipped.
 */
import { decodeText } from '../../model/line.ts';
import type { ArrivalRecord, Client } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { addressEnd, angleAddress, bareAddress } from './address.ts';
import { clientHost, hasHostEnd } from './host.ts';
import { cString } from './text.ts';

type Draft = { -readonly [Key in keyof ArrivalRecord]: ArrivalRecord[Key] };

/** Reads the line behind its flag: `SENDER[ TAG...]`. */
export function parseArrival(queueId: string, text: string): ArrivalRecord | undefined {
  const reader = new Reader(text);
  const sender = reader.literal('<>') ? '' : bareAddress(reader);
  if (sender === undefined) return undefined;
  return tags(reader, startDraft(queueId, decodeText(sender)), 0, 0);
}

/** All keys at once, as in delivery.ts. */
function startDraft(queueId: string, sender: string): Draft {
  return {
    kind: 'arrival',
    queueId,
    sender,
    client: undefined,
    user: undefined,
    uid: undefined,
    size: undefined,
    recipients: undefined,
    parentQueueId: undefined,
    messageId: undefined,
  };
}

/** Takes a tag's value into the draft; false when it is not what this tag holds. */
type Take = (reader: Reader, draft: Draft) => boolean;

interface Tag {
  /** tags of the same number come in any order */
  readonly order: number;
  readonly take: Take;
  /** may stand without `=` */
  readonly isFlag: boolean;
  /** each tag comes once; one bit for each */
  readonly bit: number;
}

/** Takes all tags to the end of the line into the draft; `seen` and `order` are those of the tags before. */
function tags(reader: Reader, draft: Draft, seen: number, order: number): Draft | undefined {
  let before = seen;
  let last = order;
  let behindSize = reader.text.length;
  while (!reader.atEnd) {
    const tag = tagAt(reader);
    const fits = tag !== undefined && (before & tag.bit) === 0 && tag.order >= last;
    if (!fits && tag?.order !== ANYWHERE) break;
    before |= tag.bit;
    last = Math.max(last, tag.order);
    if (tag.take === certificate && reader.text.startsWith('"/', reader.position)) {
      return behindRawName(reader, draft, before, last);
    }
    if (!tag.take(reader, draft)) break;
    if (tag.take === size) behindSize = reader.position;
    if (reader.atEnd) return draft.size === undefined ? undefined : draft;
  }
  return asFarAsCertain(draft, before, reader.text.slice(behindSize));
}

/**
 * The draft of a line with something unknown behind the size (another build of Exim, a DKIM domain that has a space).
 * Not where a login, a HELO name, an identd or a certificate may have written the size.
 */
function asFarAsCertain(draft: Draft, seen: number, behindSize: string): Draft | undefined {
  const isIdent = draft.client !== undefined && (seen & getBit('U')) !== 0;
  if (draft.size === undefined || isIdent || (seen & getBit('DN')) !== 0) return undefined;
  return behindSize.includes(' S=') || hasHostEnd(behindSize) ? undefined : draft;
}

/** Quotes that are tried as the end of a raw name. */
const TRIES = 16;

/**
 * OpenSSL's form of a certificate's name (`/CN=...`) is logged as it is, quotes included. It ends where all that
 * follows fits: whoever writes tags into it leaves a quote over, and none may stand alone behind the size.
 */
function behindRawName(
  reader: Reader,
  draft: Draft,
  seen: number,
  order: number,
): Draft | undefined {
  const { text } = reader;
  let end = text.indexOf('" ', reader.position);
  for (let tries = 0; end >= 0 && tries < TRIES; tries++) {
    reader.position = end + 1;
    const found = tags(reader, { ...draft }, seen, order);
    if (found !== undefined) return found;
    end = text.indexOf('" ', end + 1);
  }
  return undefined;
}

/** Takes ` KEY=`, ` KEY*=` or a flag such as ` PRDR`, ` L.-`; a flag that Exim does not have is refused. */
function tagAt(reader: Reader): Tag | undefined {
  const { text, position } = reader;
  if (text.charCodeAt(position) !== 0x20) return undefined;
  let end = position + 1;
  while (isWordByte(text.charCodeAt(end))) end++;
  if (end === position + 1) return undefined;
  const tag = TAGS.get(text.slice(position + 1, end)) ?? UNKNOWN;
  while (isMark(text.charCodeAt(end))) end++;
  const isKey = text.charCodeAt(end) === 0x3d;
  reader.position = isKey ? end + 1 : end;
  if (isKey) return tag;
  return tag.isFlag && (reader.atEnd || text.charCodeAt(end) === 0x20) ? tag : undefined;
}

function isWordByte(code: number): boolean {
  const letter = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x7a) || code === 0x5f;
}

/** `*`, `-`, `.` behind TFO, L, id. */
function isMark(code: number): boolean {
  return code === 0x2a || code === 0x2d || code === 0x2e;
}

function host(reader: Reader, draft: Draft): boolean {
  const client: Client | undefined = clientHost(reader);
  if (client === undefined) return false;
  draft.client = client;
  return true;
}

/** A word without quotes: one that holds a quote is a piece of some other field. */
function word(reader: Reader): string | undefined {
  const taken = reader.word();
  return taken === undefined || taken.includes('"') ? undefined : taken;
}

/** A Unix login may hold spaces; it ends where the next tag of Exim begins. */
function login(reader: Reader): string | undefined {
  return upToTag(reader, [' Ci=', ' P=', ' S=']);
}

/** `A=MECHANISM[:ID[:SENDER]]`. The ID may hold spaces, the SENDER (`+smtp_mailauth`) is an address. */
function authenticated(reader: Reader, draft: Draft): boolean {
  const taken = upToTag(reader, [' S=', ' PRDR', ' PRX=', ' K ']);
  // The end of a HOST in an ID: the tag was written by a HELO name.
  if (taken === undefined || taken.includes(') [')) return false;
  const first = taken.indexOf(':');
  if (first < 0) return true;
  const second = taken.indexOf(':', first + 1);
  const id = taken.slice(first + 1, second < 0 ? undefined : second);
  if (id === '' || id.includes('"')) return id === '';
  draft.user = decodeText(id);
  if (second < 0) return true;
  const sender = reader.position - taken.length + second + 1;
  const end = addressEnd(reader.text, sender);
  reader.position = Math.max(end, sender);
  return true;
}

function upToTag(reader: Reader, next: readonly string[]): string | undefined {
  const { text, position } = reader;
  let end = text.length;
  for (const tag of next) {
    const at = text.indexOf(tag, position);
    if (at >= 0 && at < end) end = at;
  }
  if (end === position) return undefined;
  reader.position = end;
  return text.slice(position, end);
}

/** A Message-ID has the syntax of an address, so its left side may be quoted. */
function messageId(reader: Reader, draft: Draft): boolean {
  const taken = bareAddress(reader);
  if (taken === undefined) return false;
  draft.messageId = decodeText(taken);
  return true;
}

function quoted(reader: Reader): boolean {
  return reader.literal('"') && cString(reader) !== undefined;
}

/** A certificate's name in GnuTLS's form: quotes and backslashes are escaped (RFC 4514). */
const certificate: Take = (reader) => quoted(reader);

/** Escaped by Exim so that it holds no space, but it may hold a quote. */
function sni(reader: Reader): boolean {
  reader.word();
  return true;
}

/** Envelope recipients up to the end; Exim ends a list that is too long with `<trunc>`, inside an address. */
function recipients(reader: Reader, draft: Draft): boolean {
  const { text } = reader;
  const truncated = text.endsWith('<trunc>');
  const end = truncated ? Math.max(reader.position, text.lastIndexOf(' ')) : text.length;
  const list: string[] = [];
  while (reader.position < end) {
    if (!reader.literal(' ')) return false;
    const start = reader.position;
    const stop = addressEnd(text, start);
    if (stop < 0 || stop > end || (stop < end && text[stop] !== ' ')) return false;
    reader.position = stop;
    const address = text.slice(start, stop);
    list.push(decodeText(address));
  }
  reader.position = text.length;
  draft.recipients = list;
  return true;
}

/** Tags that say nothing to us: a word, a C string, or nothing. */
function other(reader: Reader): boolean {
  if (reader.atEnd || reader.text.charCodeAt(reader.position) === 0x20) return true;
  if (reader.literal('"')) return cString(reader) !== undefined;
  return word(reader) !== undefined;
}

function parent(reader: Reader, draft: Draft): boolean {
  draft.parentQueueId = word(reader);
  return draft.parentQueueId !== undefined;
}

/** With a client this is what the client's machine says; a DSN is made by Exim's own account. */
function ident(reader: Reader, draft: Draft): boolean {
  const taken = draft.client === undefined ? login(reader) : word(reader);
  if (taken === undefined) return false;
  if (draft.client === undefined && draft.parentQueueId === undefined)
    draft.uid = decodeText(taken);
  return true;
}

function size(reader: Reader, draft: Draft): boolean {
  draft.size = reader.number();
  return draft.size !== undefined;
}

function rawSender(reader: Reader): boolean {
  return reader.literal(' ') && angleAddress(reader) !== undefined;
}

/** Exim's tags in its order (receive.c, add_host_info_for_log and below). */
const ROWS: readonly (readonly [name: string, order: number, take: Take, isFlag?: 'flag'])[] = [
  ['R', 1, parent],
  ['DS', 2, other, 'flag'],
  ['H', 3, host],
  ['I', 4, other],
  ['TFO', 4, other, 'flag'],
  ['U', 5, ident],
  ['Ci', 6, other],
  ['P', 7, other],
  ['L', 8, other, 'flag'],
  ['SPF', 8, other, 'flag'],
  ['X', 8, other],
  ['CV', 8, other],
  ['DN', 8, certificate],
  ['SNI', 8, sni],
  ['A', 8, authenticated],
  ['PRDR', 8, other, 'flag'],
  ['PRX', 8, other],
  ['K', 8, other, 'flag'],
  ['S', 9, size],
  ['M8S', 10, other],
  ['DKIM', 10, other],
  ['ARC', 10, other, 'flag'],
  ['DMARC', 10, other, 'flag'],
  ['RT', 10, other],
  ['Q', 10, other],
  ['id', 11, messageId],
  ['T', 12, quoted],
  ['from', 13, rawSender, 'flag'],
  ['for', 14, recipients, 'flag'],
];

const ANYWHERE = 0;

/** A tag of another version of Exim. */
const UNKNOWN: Tag = { order: ANYWHERE, take: other, isFlag: false, bit: 0 };

const TAGS: ReadonlyMap<string, Tag> = new Map(
  ROWS.map(([name, order, take, flag], index) => {
    return [name, { order, take, isFlag: flag !== undefined, bit: 1 << index }];
  }),
);

function getBit(name: string): number {
  return TAGS.get(name)?.bit ?? 0;
}
