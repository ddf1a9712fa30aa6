/**
 * Syslog tags: `postfix/submission/smtpd` is instance, service and daemon; `exim4` is a program.
 * Tags and processes come again and again, so what was found is kept; how much is bounded whatever the log says.
 */
import { ownCopy } from '../../model/line.ts';
import { isDigit } from '../reader.ts';

/** What a tag names. `exim` marks Exim's own tags, whose messages may hold a second time stamp. */
export interface Tag {
  readonly instance: string;
  readonly service: string;
  readonly program: string;
  readonly exim: boolean;
}

const LONGEST = 128;
const BRACKET = 0x5d;
const OPEN = 0x5b;
/** Names of which the tag is remembered, a power of two; a log has some twenty. */
const KEPT = 256;

interface Known {
  readonly name: string;
  readonly tag: Tag;
}

export class TagReader {
  /** pid of the word that was read last; empty when it had none */
  pid = '';
  /** by a sum of the name's length and last letters: a look at it is half the price of a Map, 60 ns */
  readonly #known: (Known | undefined)[] = new Array(KEPT).fill(undefined);

  /**
   * Reads `name[pid]` or `name`, the word between `from` and `end`; undefined for the empty word and for one that
   * is too long for a tag. The pid is a part of the text.
   */
  read(text: string, from: number, end: number): Tag | undefined {
    if (end - from > LONGEST) return undefined;
    const open = openingBracket(text, from, end);
    this.pid = open > from ? text.slice(open + 1, end - 1) : '';
    const nameEnd = open > from ? open : end;
    if (nameEnd <= from) return undefined;
    const last = text.charCodeAt(nameEnd - 1);
    const place = (nameEnd - from + 31 * last + 7 * text.charCodeAt(nameEnd - 2)) % KEPT;
    const name = text.slice(from, nameEnd);
    const known = this.#known[place];
    if (known !== undefined && known.name === name) return known.tag;
    const own = ownCopy(name); // what is cut from the copy stays, the read buffer must not
    const tag = parseTag(own);
    this.#known[place] = { name: own, tag };
    return tag;
  }
}

/** Index of the bracket before the pid at the end of the word; -1 when the word ends without one. */
function openingBracket(text: string, from: number, end: number): number {
  if (text.charCodeAt(end - 1) !== BRACKET) return -1;
  let at = end - 2;
  while (at > from && isDigit(text.charCodeAt(at))) at--;
  if (text.charCodeAt(at) === OPEN) return at;
  return from + text.slice(from, end).lastIndexOf('[');
}

/** `syslog_name *("/" service) "/" daemon`, or one word. */
function parseTag(name: string): Tag {
  const first = name.indexOf('/');
  if (first < 0) {
    const exim = name.startsWith('exim');
    return { instance: name, service: '', program: exim ? 'exim' : name, exim };
  }
  const last = name.lastIndexOf('/');
  return {
    instance: name.slice(0, first),
    service: last > first ? name.slice(first + 1, last) : '',
    program: name.slice(last + 1),
    exim: false,
  };
}
