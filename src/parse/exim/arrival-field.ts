/**
 * The fields of an arrival line (receive.c and its add_host_info_for_log; the specification's "Summary of fields in log
 * lines"): ` KEY=VALUE`, or a flag without value.
 */
import { decodeText } from '../../model/line.ts';
import type { ArrivalRecord } from '../../model/record.ts';
import type { Mutable } from '../parser.ts';
import { isAlphanumeric, type Reader } from '../reader.ts';
import { endOfAddress, takeAngleAddress, takeBareAddress } from './address.ts';
import { takeArrivalAuth } from './auth.ts';
import { takeClient } from './host.ts';
import { takeCString } from './reply.ts';

const SPACE = 0x20;
const ASTERISK = 0x2a;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const EQUALS = 0x3d;
const UNDERSCORE = 0x5f;

export type Arrival = Mutable<ArrivalRecord>;

/** Takes a field's value into the record; false when it is not what this field holds. */
type TakeValue = (reader: Reader, record: Arrival) => boolean;

export interface Field {
  /** Fields of the same number come in any order. */
  readonly order: number;
  readonly take: TakeValue;
  /** It may come without `=`. */
  readonly isFlag: boolean;
  /** The field's bit in a set of fields: each comes once. */
  readonly bit: number;
}

/** Takes ` KEY=`, ` KEY*=` or a flag such as ` PRDR`, ` L.-`. A flag that Exim does not have is undefined. */
export function takeFieldName(reader: Reader): Field | undefined {
  const { text, position } = reader;
  if (text.charCodeAt(position) !== SPACE) return undefined;
  let end = position + 1;
  while (isNameByte(text.charCodeAt(end))) end++;
  if (end === position + 1) return undefined;
  const field = FIELDS.get(text.slice(position + 1, end)) ?? UNKNOWN;
  while (isMark(text.charCodeAt(end))) end++;
  const isKey = text.charCodeAt(end) === EQUALS;
  reader.position = isKey ? end + 1 : end;
  if (isKey) return field;
  return field.isFlag && (reader.atEnd || text.charCodeAt(end) === SPACE) ? field : undefined;
}

function isNameByte(code: number): boolean {
  return isAlphanumeric(code) || code === UNDERSCORE;
}

/** The marks behind TFO, L and id. */
function isMark(code: number): boolean {
  return code === ASTERISK || code === HYPHEN || code === DOT;
}

/** Takes a word without quotes: one that holds a quote is a piece of some other field. */
function takeWord(reader: Reader): string | undefined {
  const word = reader.word();
  return word === undefined || word.includes('"') ? undefined : word;
}

function takeHost(reader: Reader, record: Arrival): boolean {
  record.client = takeClient(reader);
  return record.client !== undefined;
}

function takeParent(reader: Reader, record: Arrival): boolean {
  record.parentQueueId = takeWord(reader);
  return record.parentQueueId !== undefined;
}

/**
 * With a client this is the answer of an identd, which proves nothing. Without, it is a Unix login, which may hold
 * spaces; for a DSN it is Exim's own account.
 */
function takeIdent(reader: Reader, record: Arrival): boolean {
  if (record.client !== undefined) return takeWord(reader) !== undefined;
  const login = reader.upTo([' Ci=', ' P=', ' S=']);
  if (login === '') return false;
  if (record.parentQueueId === undefined) record.uid = decodeText(login);
  return true;
}

export function takeSize(reader: Reader, record: Arrival): boolean {
  record.size = reader.number();
  return record.size !== undefined;
}

/** A Message-ID has the syntax of an address, so its left side may be quoted. */
function takeMessageId(reader: Reader, record: Arrival): boolean {
  const messageId = takeBareAddress(reader);
  if (messageId === undefined) return false;
  record.messageId = decodeText(messageId);
  return true;
}

function skipQuoted(reader: Reader): boolean {
  return reader.literal('"') && takeCString(reader) !== undefined;
}

/** A certificate's name in GnuTLS's form: quotes and backslashes are escaped (RFC 4514). */
export function takeCertificate(reader: Reader): boolean {
  return skipQuoted(reader);
}

/** Exim escapes it so that it holds no space, but it may hold a quote. */
function skipServerName(reader: Reader): boolean {
  reader.word();
  return true;
}

/** Skips a value that says nothing to Postern: a word, a C string, or nothing. */
function skipValue(reader: Reader): boolean {
  if (reader.atEnd || reader.text.charCodeAt(reader.position) === SPACE) return true;
  if (reader.literal('"')) return takeCString(reader) !== undefined;
  return takeWord(reader) !== undefined;
}

function skipRawSender(reader: Reader): boolean {
  return reader.literal(' ') && takeAngleAddress(reader) !== undefined;
}

/** Envelope recipients up to the end. Exim ends a list that is too long with `<trunc>`, inside an address. */
function takeRecipients(reader: Reader, record: Arrival): boolean {
  const { text } = reader;
  const isCut = text.endsWith('<trunc>');
  const end = isCut ? Math.max(reader.position, text.lastIndexOf(' ')) : text.length;
  const recipients: string[] = [];
  while (reader.position < end) {
    if (!reader.literal(' ')) return false;
    const start = reader.position;
    const stop = endOfAddress(text, start);
    if (stop < 0 || stop > end || (stop < end && text.charCodeAt(stop) !== SPACE)) return false;
    reader.position = stop;
    recipients.push(decodeText(text.slice(start, stop)));
  }
  reader.position = text.length;
  record.recipients = recipients;
  return true;
}

/** Exim's fields in its order. */
const ROWS: readonly (readonly [name: string, order: number, take: TakeValue, isFlag?: 'flag'])[] =
  [
    ['R', 1, takeParent],
    ['DS', 2, skipValue, 'flag'],
    ['H', 3, takeHost],
    ['I', 4, skipValue],
    ['TFO', 4, skipValue, 'flag'],
    ['U', 5, takeIdent],
    ['Ci', 6, skipValue],
    ['P', 7, skipValue],
    ['L', 8, skipValue, 'flag'],
    ['SPF', 8, skipValue, 'flag'],
    ['X', 8, skipValue],
    ['CV', 8, skipValue],
    ['DN', 8, takeCertificate],
    ['SNI', 8, skipServerName],
    ['A', 8, takeArrivalAuth],
    ['PRDR', 8, skipValue, 'flag'],
    ['PRX', 8, skipValue],
    ['K', 8, skipValue, 'flag'],
    ['S', 9, takeSize],
    ['M8S', 10, skipValue],
    ['DKIM', 10, skipValue],
    ['ARC', 10, skipValue, 'flag'],
    ['DMARC', 10, skipValue, 'flag'],
    ['RT', 10, skipValue],
    ['Q', 10, skipValue],
    ['id', 11, takeMessageId],
    ['T', 12, skipQuoted],
    ['from', 13, skipRawSender, 'flag'],
    ['for', 14, takeRecipients, 'flag'],
  ];

/** The order of a field that may come anywhere. */
export const ANYWHERE = 0;

/** A field of another version of Exim. */
const UNKNOWN: Field = { order: ANYWHERE, take: skipValue, isFlag: false, bit: 0 };

const FIELDS: ReadonlyMap<string, Field> = new Map(
  ROWS.map(([name, order, take, flag], index) => {
    return [name, { order, take, isFlag: flag !== undefined, bit: 1 << index }];
  }),
);

/** Whether the field is in a set of fields. */
export function isSeen(name: string, seen: number): boolean {
  return (seen & (FIELDS.get(name)?.bit ?? 0)) !== 0;
}
