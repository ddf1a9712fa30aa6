/**
 * Syslog tags (RFC 3164 5.3). Postfix's are `syslog_name/service/daemon`, as in `postfix/submission/smtpd`
 * (postconf(5), syslog_name); Exim's are one word. A log has few different tags, so the last ones are remembered.
 */
import { ownCopy } from '../../model/line.ts';
import { isDigit } from '../reader.ts';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The program that a tag names; the fields are those of LoggedLine. */
export interface Tag {
  readonly instance: string;
  readonly service: string;
  readonly program: string;
  /** One of Exim's own tags: the message may begin with a second time stamp. */
  readonly isExim: boolean;
}

/** Longest name with its pid, bytes. */
const LONGEST_TAG = 128;
/** How many names are remembered, a power of two. A log has about twenty. */
const MOST_NAMES = 256;

interface KnownTag {
  readonly name: string;
  readonly tag: Tag;
}

export class TagReader {
  /** The pid of the tag that was read last; empty when it had none. */
  pid = '';
  /** By a hash of the name's length and last letters: a look-up costs 30 ns, in a Map 60. */
  readonly #known: (KnownTag | undefined)[] = new Array(MOST_NAMES).fill(undefined);

  /**
   * Reads the word between `from` and `end`: `name[pid]` or `name`. Undefined when the word is empty or too long for
   * a tag.
   */
  read(text: string, from: number, end: number): Tag | undefined {
    if (end - from > LONGEST_TAG) return undefined;
    const open = openingBracket(text, from, end);
    this.pid = open > from ? text.slice(open + 1, end - 1) : '';
    const nameEnd = open > from ? open : end;
    if (nameEnd <= from) return undefined;
    const last = text.charCodeAt(nameEnd - 1);
    const place = (nameEnd - from + 31 * last + 7 * text.charCodeAt(nameEnd - 2)) % MOST_NAMES;
    const name = text.slice(from, nameEnd);
    const known = this.#known[place];
    if (known !== undefined && known.name === name) return known.tag;
    const own = ownCopy(name); // the tag's parts are cut from the copy, so the read buffer is not kept
    const tag = parseTag(own);
    this.#known[place] = { name: own, tag };
    return tag;
  }
}

/** Index of the bracket before the pid at the end of the word; -1 when the word ends without one. */
function openingBracket(text: string, from: number, end: number): number {
  if (text.charCodeAt(end - 1) !== CLOSE_BRACKET) return -1;
  let at = end - 2;
  while (at > from && isDigit(text.charCodeAt(at))) at--;
  if (text.charCodeAt(at) === OPEN_BRACKET) return at;
  return from + text.slice(from, end).lastIndexOf('[');
}

/**
 * A daemon with the name of a service behind it, as in `postfix/smtpd.local`: a service of master.cf runs the daemon by a
 * link of that name.
 */
const NAMED_DAEMON =
  /^(smtpd|smtp|lmtp|qmgr|cleanup|pickup|bounce|local|virtual|pipe|error|retry|discard|postscreen|qmqpd)[._-](.+)$/;

/** `syslog_name *("/" service) "/" daemon`, or one word. */
function parseTag(name: string): Tag {
  const first = name.indexOf('/');
  if (first < 0) {
    const isExim = name.startsWith('exim');
    return { instance: name, service: '', program: isExim ? 'exim' : name, isExim };
  }
  const last = name.lastIndexOf('/');
  const instance = name.slice(0, first);
  const service = last > first ? name.slice(first + 1, last) : '';
  const program = name.slice(last + 1);
  const daemon = NAMED_DAEMON.exec(program);
  if (daemon === null) return { instance, service, program, isExim: false };
  return {
    instance,
    service: service === '' ? (daemon[2] as string) : `${service}/${daemon[2]}`,
    program: daemon[1] as string,
    isExim: false,
  };
}
