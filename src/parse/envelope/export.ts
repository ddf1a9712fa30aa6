/**
 * The journal's export format (systemd.journal-export(7)): a record is a row of `KEY=value` lines and ends with an empty
 * line. A value with line feeds or control bytes is `KEY`, its length as 64 bits (little endian), and its bytes. Such a
 * value may hold what looks like fields, or like the end of the record: its length decides, never its content.
 */
import { z } from 'zod';
import { decodeText, ownCopy, type Position } from '../../model/line.ts';
import type { Fields } from './json-fields.ts';
import { positionSchema } from './parts.ts';

/** Longest record that is read, bytes; the rest of a longer one is skipped. */
const LONGEST_RECORD = 65_536;
const LENGTH_BYTES = 8;
/** Lengths are read up to 2^48; none that is true is near it. */
const LENGTH_BYTES_READ = 6;

const FIRST_FIELD = /^__(?:CURSOR|REALTIME_TIMESTAMP|SEQNUM)=/;
const KEY = /^[A-Z_][A-Z0-9_]{0,63}$/;

/** The fields that are kept. */
const KEPT: ReadonlySet<string> = new Set([
  'MESSAGE',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_PID',
  '_PID',
  '_UID',
  '_HOSTNAME',
  '_TRANSPORT',
  'CONTAINER_ID',
  'CONTAINER_PARTIAL_MESSAGE',
  '__REALTIME_TIMESTAMP',
  '_SOURCE_REALTIME_TIMESTAMP',
]);

export const exportSchema = z
  .object({
    fields: z.record(z.string(), z.string()),
    at: positionSchema.optional(),
    size: z.number(),
    key: z.string(),
    binary: z.string(),
    missing: z.number(),
  })
  .optional();

type State = NonNullable<z.infer<typeof exportSchema>>;

/** A whole record, and where its message was. */
interface ExportedRecord {
  readonly fields: Fields;
  readonly at: Position | undefined;
}

/** Puts records together from their lines. */
export class JournalExport {
  /** the record being read, as byte strings */
  #open: State | undefined;

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  get state(): State | undefined {
    return this.#open;
  }

  set state(state: State | undefined) {
    this.#open = state;
  }

  /** Begins a record when this line is a first field of one. */
  begin(bytes: string): boolean {
    if (!FIRST_FIELD.test(bytes)) return false;
    this.#open = { fields: {}, size: 0, key: '', binary: '', missing: 0 };
    this.#takeField(this.#open, bytes, undefined);
    return true;
  }

  /**
   * Takes a line of the open record. Returns the record when this line ends it, true when it goes on, and false for a
   * line that is not part of a record: then the record is given up.
   */
  take(bytes: string, at: Position): ExportedRecord | boolean {
    const open = this.#open;
    if (open === undefined) return false;
    if (open.key !== '') return this.#takeBinary(open, bytes);
    if (bytes === '') {
      this.#open = undefined;
      return { fields: toFields(open.fields), at: open.at };
    }
    if (KEY.test(bytes)) {
      open.key = bytes;
      open.binary = '';
      open.missing = -1;
      if (bytes === 'MESSAGE') open.at = at;
      return true;
    }
    if (this.#takeField(open, bytes, at)) return true;
    this.#open = undefined;
    return false;
  }

  /** Takes `KEY=value`; false when the line is something else. */
  #takeField(open: State, bytes: string, at: Position | undefined): boolean {
    const equals = bytes.indexOf('=');
    const key = equals < 0 ? '' : bytes.slice(0, equals);
    if (!KEY.test(key)) return false;
    keep(open, key, bytes.slice(equals + 1));
    if (key === 'MESSAGE') open.at = at;
    return true;
  }

  /** Takes a line of a binary value: its length, then that many bytes and a line feed. */
  #takeBinary(open: State, line: string): true {
    const bytes = `${line}\n`;
    if (open.missing < 0) open.binary += bytes;
    else {
      if (open.binary.length < LONGEST_RECORD) open.binary += bytes;
      open.missing = Math.max(0, open.missing - bytes.length);
    }
    if (open.missing < 0 && open.binary.length >= LENGTH_BYTES) {
      const length = readLength(open.binary);
      open.binary = open.binary.slice(LENGTH_BYTES);
      open.missing = Math.max(0, length + 1 - open.binary.length);
    }
    if (open.missing === 0) {
      keep(open, open.key, open.binary.slice(0, -1));
      open.key = '';
      open.binary = '';
    }
    return true;
  }
}

function keep(open: State, key: string, value: string): void {
  open.size += value.length;
  if (KEPT.has(key) && open.size <= LONGEST_RECORD) open.fields[key] ??= ownCopy(value);
}

function readLength(bytes: string): number {
  let length = 0;
  for (let index = LENGTH_BYTES_READ - 1; index >= 0; index--) {
    length = length * 256 + bytes.charCodeAt(index);
  }
  return length;
}

/** Real text, but the message as its bytes: it may not be UTF-8. */
function toFields(fields: Readonly<Record<string, string>>): Fields {
  const entries = Object.entries(fields).map(([key, value]) => [
    key,
    key === 'MESSAGE' ? [...Buffer.from(value, 'latin1')] : decodeText(value),
  ]);
  return Object.fromEntries(entries) as Fields;
}
