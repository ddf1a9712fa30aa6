/**
 * How a page of events lies in the database, for its writer and its reader. Some hundred events that came one after the
 * other are one row, in two parts: columns of fixed width for what is counted and looked for, and records with the texts,
 * each text once. So whoever only counts reads a fifth of the bytes. docs/performance.md has the measurements.
 *
 * Columns: times, submitters, clients, recipients, details, tags, one after the other, as the processor has numbers
 * (little-endian), and the text of the details (page-details.ts). They are not compressed: that would save 13 bytes an event,
 * and take more time than to read them. Pages of an earlier version have no details.
 * Records, compressed: a head, where each record begins, the records, the lengths of the texts, the texts. A record and the
 * lengths are numbers of seven bits a byte, the lowest first: source, line and offset (as differences from the head's),
 * which parts there are, and these, a text as its number in the page.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { PosternError } from '../base/errors.ts';
import type { EventKind, Reason } from '../model/event.ts';
import { KINDS, REASON_CODES } from './codes.ts';

/** Events of one page. More take a little less space, and more time for each event that is looked for or corrected. */
export const MOST_EVENTS = 512;

/** Bits of an event's tag: numbers of codes.ts, 0 for none. */
export const KIND_BITS = 15;
export const REASON_SHIFT = 4;
export const REASON_BITS = 15;
export const DIRECTION_SHIFT = 8;
export const DIRECTION_BITS = 3;
export const MTA_SHIFT = 10;
export const MTA_BITS = 3;
export const REPEATED = 1 << 12;
export const TEMPORARY = 1 << 13;
/** The client's address is the number in the column. Otherwise the record has it as text, and the column `markClient`. */
export const DOTTED = 1 << 14;
/** The submitter is a client: its address is that of the submitter. */
export const BY_CLIENT = 1 << 15;

/** Bits of kind, reason and direction together. */
export const CODE_WIDTH = 10;

/** Kind, reason and direction (its number, 0 for none) as the low bits of a tag. */
export function codeOf(kind: EventKind, reason: Reason | undefined, direction: number): number {
  const code = reason === undefined ? 0 : REASON_CODES.numberOf[reason];
  return KINDS.numberOf[kind] | (code << REASON_SHIFT) | (direction << DIRECTION_SHIFT);
}

/** Parts of a record that an event may lack: bits of a number, in their order. */
export const PARTS = {
  queueId: 0,
  recipient: 1,
  sender: 2,
  host: 3,
  status: 4,
  relayHost: 5,
  relayAddress: 6,
  relayPort: 7,
  code: 8,
  reply: 9,
  clientName: 10,
  size: 11,
  recipients: 12,
  messageId: 13,
  stage: 14,
  clientHelo: 15,
  originalRecipient: 16,
  clientText: 17,
  login: 18,
  parentQueueId: 19,
  cause: 20,
} as const;
/** How many of them are texts. */
export const TEXT_PARTS = 16;
export const PART_COUNT = Object.keys(PARTS).length;

/** The columns, of `count` events. The first needs eight bytes a number, so the others are aligned behind it. */
export interface Columns {
  /** ms since the epoch */
  readonly times: Float64Array;
  /** numbers of rows, 0: none */
  readonly submitters: Uint32Array;
  /** an IPv4 address, or the mark of another client; 0: none */
  readonly clients: Uint32Array;
  /** one more than the recipients that the event shows for the first time, 0: it does not say */
  readonly recipients: Uint32Array;
  readonly tags: Uint16Array;
  /** numbers of page-details.ts, and their text; undefined in a page of an earlier version */
  readonly details: Uint32Array | undefined;
  readonly detailText: Uint8Array;
}

const DETAIL_BYTES = 4;
const OLD_COLUMN_BYTES = 8 + 3 * 4 + 2;
const COLUMN_BYTES = OLD_COLUMN_BYTES + DETAIL_BYTES;

/** Columns over one memory of zeros, or over `bytes`. */
export function layColumns(
  count: number,
  bytes: Uint8Array = new Uint8Array(COLUMN_BYTES * count),
): Columns {
  const isOld = bytes.length === OLD_COLUMN_BYTES * count;
  if (!isOld && bytes.length < COLUMN_BYTES * count) throw damaged('the columns have another size');
  const { buffer, byteOffset } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const tags = byteOffset + (isOld ? 20 : 20 + DETAIL_BYTES) * count;
  const end = tags + 2 * count;
  return {
    times: new Float64Array(buffer, byteOffset, count),
    submitters: new Uint32Array(buffer, byteOffset + 8 * count, count),
    clients: new Uint32Array(buffer, byteOffset + 12 * count, count),
    recipients: new Uint32Array(buffer, byteOffset + 16 * count, count),
    details: isOld ? undefined : new Uint32Array(buffer, byteOffset + 20 * count, count),
    tags: new Uint16Array(buffer, tags, count),
    detailText: new Uint8Array(buffer, end, byteOffset + bytes.length - end),
  };
}

/** Bytes of the head of the records: line, offset, then five numbers of 32 bits, and four bytes to spare. */
export const HEAD_BYTES = 40;

/** Below this, in bytes, nothing is gained. */
const LEAST_COMPRESSED = 200;
/** A damaged page must not take all memory: the longest lines take less. */
const LARGEST = 64 * 1024 * 1024;

/**
 * The bytes as they are stored: their number in 32 bits, then they themselves or, where that is shorter, one frame of
 * Zstandard (RFC 8878) with a checksum. Level 1: twice as fast as 3, and 5 % larger.
 */
export function compress(bytes: Uint8Array): Uint8Array {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32LE(bytes.length);
  if (bytes.length < LEAST_COMPRESSED) return Buffer.concat([head, bytes]);
  const packed = zstdCompressSync(bytes, {
    // Enough for nearly all pages. What Node allocates here stays until a collection of the whole heap.
    chunkSize: Math.ceil(bytes.length / 2) + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
  });
  return Buffer.concat([head, packed.length < bytes.length ? packed : bytes]);
}

/** Throws a PosternError (`database-corrupt`) when the bytes are not what `compress` made. */
export function decompress(bytes: Buffer): Buffer {
  const size = bytes.length < 4 ? LARGEST + 1 : bytes.readUInt32LE(0);
  const packed = bytes.subarray(4);
  if (packed.length === size) return packed;
  if (size > LARGEST) throw damaged('a page of events has no size');
  try {
    // All at once: with Node's chunks of 16 KiB it takes twice the time.
    const whole = zstdDecompressSync(packed, { chunkSize: size + 64, maxOutputLength: size });
    if (whole.length === size) return whole;
  } catch (cause) {
    throw damaged('a page of events cannot be read', cause);
  }
  throw damaged('a page of events has another size');
}

export function damaged(what: string, cause?: unknown): PosternError {
  return new PosternError('environment', `the database is damaged: ${what}`, {
    code: 'database-corrupt',
    cause,
  });
}
