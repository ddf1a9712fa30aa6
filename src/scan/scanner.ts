/**
 * Reads the commonest lines of a log from their bytes, without an object or a string that nobody wants. It is a second,
 * faster way beside envelope and parser, which alone say what a line means: it takes a line only if they are sure to
 * say the same, and test/scan holds both together. Everything else goes the plain way: unknown prefixes, repetitions,
 * other hosts, texts that may have been cut, whatever is not plain ASCII where fields are cut from it.
 */

import type { Mta } from '../model/event.ts';
import type { Line, LoggedLine, RefillableLine } from '../model/line.ts';
import { type LineBlock, lineAt } from '../model/lines.ts';
import type { LogRecord } from '../model/record.ts';
import type { Envelope } from '../parse/envelope/envelope.ts';
import { EXIM } from '../parse/envelope/exim.ts';
import { ByteCursor } from './bytes.ts';
import { scanExim } from './exim.ts';
import { LOGGED, OTHER, PLAIN, SILENT } from './outcome.ts';
import { scanPostfix } from './postfix.ts';
import { KnownPrefix } from './prefix.ts';
import { TagTable } from './tags.ts';

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const OPEN_BRACKET = 0x5b;
const LOWER_A = 0x61;
const LOWER_L = 0x6c;
const LOWER_M = 0x6d;
const LOWER_Z = 0x7a;

type Scanned = LogRecord | typeof SILENT | typeof LOGGED | typeof PLAIN;

/** Scans the lines of one source, in their order, between those that the envelope reads. */
export class LineScanner {
  readonly #envelope: Envelope;
  readonly #readsPostfix: boolean;
  readonly #readsExim: boolean;
  readonly #prefix = new KnownPrefix();
  readonly #tags = new TagTable();
  readonly #cursor = new ByteCursor();
  /** where the last line is that the envelope has not seen */
  #block: LineBlock | undefined;
  #index = 0;
  #from = 0;
  /** where the text of the line begins, behind prefix and tag */
  #textAt = 0;

  /** `mta`: all lines are read as lines of this mail server; undefined: each line shows it. */
  constructor(envelope: Envelope, mta: Mta | undefined) {
    this.#envelope = envelope;
    this.#readsPostfix = mta !== 'exim';
    this.#readsExim = mta !== 'postfix';
  }

  /** Begins a block; the lines that follow are all in it. */
  begin(block: LineBlock): void {
    this.#cursor.bytes = block.bytes;
    this.#cursor.text = block.text;
  }

  /**
   * Scans line `index` of the block, which begins at the byte `from`, and fills `line`; a line that became another
   * record than a refusal or a transaction has no text. For PLAIN, nothing has happened.
   */
  scan(block: LineBlock, index: number, from: number, line: RefillableLine): Scanned {
    const cursor = this.#cursor;
    const prefix = this.#prefix;
    const end = endOfLine(block, index, from);
    const textAt = prefix.match(block.bytes, from, end);
    if (textAt < 0 || prefix.time > this.#envelope.latest) return PLAIN;
    cursor.at = textAt;
    cursor.end = end;
    const scanned = prefix.isExim ? this.#scanExim(cursor) : this.#scanSyslog(cursor);
    if (scanned === PLAIN) return PLAIN;
    this.#block = block;
    this.#index = index;
    this.#from = from;
    line.time = prefix.time;
    if (scanned === SILENT) return SILENT;
    this.#place(line, block, index, from);
    line.text = needsText(scanned) ? cursor.text.slice(this.#textAt, end) : '';
    return scanned;
  }

  /** Lets the envelope read the last line that was scanned: then it is where it would be had it read them all. */
  settle(): void {
    if (this.#block === undefined) return;
    this.#envelope.read(lineAt(this.#block, this.#index, this.#from));
    this.#block = undefined;
  }

  /** Takes what the envelope said about a line: the next lines may have the same prefix. */
  learn(line: Line, logged: LoggedLine | undefined): void {
    const textAt = logged === undefined ? -1 : findPlainText(line.bytes, logged);
    if (logged === undefined || textAt < 0) this.#prefix.forget();
    else this.#prefix.learn(line.bytes, textAt, logged);
  }

  #scanExim(cursor: ByteCursor): Scanned {
    if (!this.#readsExim || endsWithBlank(cursor)) return PLAIN;
    this.#textAt = cursor.at;
    const scanned = scanExim(cursor);
    return scanned === OTHER ? LOGGED : scanned;
  }

  #scanSyslog(cursor: ByteCursor): Scanned {
    const tags = this.#tags;
    if (!tags.take(cursor) || tags.role === 'plain') return PLAIN;
    const { role } = tags;
    if (!this.#readsPostfix) return PLAIN;
    if (role === 'unread') return SILENT;
    if (role === 'unread-word') return holdsNoLine(cursor) ? SILENT : PLAIN;
    if (isWrapped(cursor) || endsWithBlank(cursor)) return PLAIN;
    this.#textAt = cursor.at;
    const scanned = scanPostfix(role, cursor);
    return scanned === OTHER ? LOGGED : scanned;
  }

  #place(line: RefillableLine, block: LineBlock, index: number, from: number): void {
    const { isExim } = this.#prefix;
    const tag = isExim ? EXIM : this.#tags.tag;
    line.at.source = block.source;
    line.at.line = block.line + index;
    line.at.offset = block.offset + from - block.from;
    line.host = this.#prefix.host;
    line.instance = tag.instance;
    line.service = tag.service;
    line.program = tag.program;
    line.pid = isExim ? '' : this.#tags.pid;
  }
}

const WITH_TEXT: ReadonlySet<LogRecord['kind']> = new Set([
  'rejected',
  'auth-failed',
  'transaction',
]);

/** The parser reads the text. Of a refusal, a copy in another log is found by it. A user may be at the end of a cut one. */
function needsText(scanned: LogRecord | typeof LOGGED): boolean {
  return scanned === LOGGED || WITH_TEXT.has(scanned.kind);
}

/** Index after the last byte of a line. One CR before its LF does not count. */
function endOfLine({ bytes, ends }: LineBlock, index: number, from: number): number {
  const feed = ends[index] as number;
  return feed > from && bytes[feed - 1] === CARRIAGE_RETURN ? feed - 1 : feed;
}

/** `name[pid]: `, and how a text may end that the envelope has cut blanks from. */
const TAG = /^[\w./-]+\[\d+\]: $/;
const BLANKS = /^[ \t]*$/;

/** Shorter than any stamp. */
const SHORTEST_STAMP = 15;

/** Index behind stamp and host if nothing but a tag stands between them and the text, and nothing else was removed. */
function findPlainText(bytes: string, { host, program, pid, text }: LoggedLine): number {
  if (host === '' && program === 'exim' && pid === '') return bytes.indexOf(text, SHORTEST_STAMP);
  const tagAt = host === '' ? -1 : bytes.indexOf(` ${host} `) + host.length + 2;
  if (tagAt < host.length + 2) return -1;
  const textAt = bytes.indexOf(': ', tagAt) + 2;
  const tag = bytes.slice(tagAt, textAt);
  if (!TAG.test(tag) || !tag.endsWith(`[${pid}]: `)) return -1;
  const isSame = bytes.startsWith(text, textAt) && BLANKS.test(bytes.slice(textAt + text.length));
  return isSame ? tagAt : -1;
}

/** Whether the envelope would look into the text: more blanks, `message repeated N times`, or Solaris's `[ID ...]`. */
function isWrapped({ bytes, at }: ByteCursor): boolean {
  const first = bytes[at];
  return first === SPACE || first === OPEN_BRACKET || first === LOWER_M;
}

/** Whether the envelope would find no other line inside the text: such a line begins with a digit or an upper-case letter. */
function holdsNoLine({ bytes, at }: ByteCursor): boolean {
  const first = bytes[at] as number;
  if (first < LOWER_A || first > LOWER_Z || first === LOWER_L || first === LOWER_M) return false;
  return bytes[at + 3] !== SPACE;
}

/** Whether the envelope would cut the end off the text. */
function endsWithBlank({ bytes, end }: ByteCursor): boolean {
  const last = bytes[end - 1];
  return last === SPACE || last === TAB || last === CARRIAGE_RETURN;
}
