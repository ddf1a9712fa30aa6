/**
 * Syslog tags by their bytes: which program wrote a line, and how its lines are scanned. A log has about twenty tags,
 * so a tag is read once, by the plain reader, and found again by its bytes.
 */
import { type Tag, TagReader } from '../parse/envelope/tag.ts';
import { readsProgram } from '../parse/postfix/parser.ts';
import { type ByteCursor, NAME } from './bytes.ts';

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SPACE = 0x20;

/** How the lines of a program are scanned. */
export type Role =
  /** not at all: the envelope looks into the text of such a line */
  | 'plain'
  /** nobody reads them */
  | 'unread'
  /** the same, but the envelope looks for another line inside the text */
  | 'unread-word'
  /** the plain parser reads them */
  | 'parsed'
  | 'smtpd'
  | 'postscreen'
  | 'cleanup'
  | 'qmgr'
  | 'delivery';

interface KnownTag {
  readonly bytes: Uint8Array;
  readonly tag: Tag;
  readonly role: Role;
}

const ROLES: ReadonlyMap<string, Role> = new Map<string, Role>([
  ['smtpd', 'smtpd'],
  ['postscreen', 'postscreen'],
  ['cleanup', 'cleanup'],
  ['qmgr', 'qmgr'],
  ['smtp', 'delivery'],
  ['lmtp', 'delivery'],
  ['local', 'delivery'],
  ['virtual', 'delivery'],
  ['pipe', 'delivery'],
  ['error', 'delivery'],
  ['retry', 'delivery'],
  ['discard', 'delivery'],
]);

/** Powers of two. At most half of the places for tags are taken. */
const TAG_PLACES = 256;
const MOST_PIDS = 4096;
/** Digits of the longest pid: Linux counts to 4194304. */
const LONGEST_PID = 7;
const LONGEST_TAG = 100;

export class TagTable {
  /** of the tag that was taken last */
  tag: Tag = { instance: '', service: '', program: '', isExim: false };
  role: Role = 'plain';
  pid = '';
  readonly #reader = new TagReader();
  readonly #tags: (KnownTag | undefined)[] = new Array(TAG_PLACES).fill(undefined);
  #tagCount = 0;
  readonly #pids: string[] = new Array(MOST_PIDS).fill('');
  readonly #pidNumbers = new Uint32Array(MOST_PIDS);

  /** Takes `name[pid]: ` at the cursor; false if there is something else. */
  take(cursor: ByteCursor): boolean {
    const { bytes, at, end } = cursor;
    const nameEnd = cursor.endOf(NAME);
    if (nameEnd === at || nameEnd - at > LONGEST_TAG || bytes[nameEnd] !== OPEN_BRACKET)
      return false;
    const pidEnd = this.#readPid(bytes, nameEnd + 1, cursor.text);
    if (pidEnd < 0 || pidEnd + 3 >= end) return false;
    if (bytes[pidEnd] !== CLOSE_BRACKET || bytes[pidEnd + 1] !== COLON) return false;
    if (bytes[pidEnd + 2] !== SPACE) return false;
    this.#find(cursor, at, nameEnd);
    cursor.at = pidEnd + 3;
    return true;
  }

  /** A log has few pids at a time. The same string again is found faster by those who look for the session. */
  #readPid(bytes: Uint8Array, from: number, text: string): number {
    let value = 0;
    let at = from;
    for (; at <= from + LONGEST_PID; at++) {
      const byte = bytes[at] as number;
      if (!(byte >= DIGIT_0 && byte <= DIGIT_9)) break;
      value = 10 * value + byte - DIGIT_0;
    }
    if (at === from || at > from + LONGEST_PID || bytes[from] === DIGIT_0) return -1;
    const place = value % MOST_PIDS;
    if (this.#pidNumbers[place] !== value) {
      this.#pidNumbers[place] = value;
      this.#pids[place] = text.slice(from, at);
    }
    this.pid = this.#pids[place] as string;
    return at;
  }

  #find({ bytes, text }: ByteCursor, from: number, end: number): void {
    const length = end - from;
    // By length and the letters that differ: of the daemon, and of the service in front of it.
    const hash =
      length + 5 * (bytes[end - 1] as number) + 3 * (bytes[end - (length >> 1)] as number);
    let place = hash % TAG_PLACES;
    let known = this.#tags[place];
    while (known !== undefined && !isSame(known.bytes, bytes, from, length)) {
      place = (place + 1) % TAG_PLACES;
      known = this.#tags[place];
    }
    known ??= this.#add(place, text.slice(from, end));
    this.tag = known.tag;
    this.role = known.role;
  }

  /** A log may invent any number of tags: then the table begins anew. */
  #add(place: number, name: string): KnownTag {
    if (this.#tagCount >= TAG_PLACES / 2) {
      this.#tags.fill(undefined);
      this.#tagCount = 0;
    }
    const known = this.#read(name);
    this.#tags[place] = known;
    this.#tagCount++;
    return known;
  }

  #read(name: string): KnownTag {
    const tag = this.#reader.read(name, 0, name.length) as Tag;
    return { bytes: Buffer.from(name, 'latin1'), tag, role: findRole(tag) };
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, from: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let index = length - 1; index >= 0; index--) {
    if (known[index] !== bytes[from + index]) return false;
  }
  return true;
}

function findRole({ instance, program, isExim }: Tag): Role {
  if (isExim || program.startsWith('exim') || program === 'syslogd') return 'plain';
  const isWord = instance === program || instance === 'docker';
  if (!readsProgram(program)) return isWord ? 'unread-word' : 'unread';
  return isWord ? 'plain' : (ROLES.get(program) ?? 'parsed');
}
