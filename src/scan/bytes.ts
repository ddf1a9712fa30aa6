/**
 * A cursor over the bytes of one line. A byte of a typed array costs 1.7 ns, one of a string 13: a line's text is a
 * slice of its block, which V8 has to look up for each character.
 */

const DIGIT_0 = 0x30;

/** Classes of bytes, as bits. All are subsets of what the plain parser takes at the same place. */
export const DIGIT = 1;
/** in queue IDs (mail_queue.h): digits and consonants, and the vowels of hex digits */
export const ID = 2;
/** in host names and IP addresses */
export const HOST = 4;
/** in addresses that need no quotes, without what ends them */
export const ADDRESS = 8;
/** in logins that hold no separator */
export const LOGIN = 16;
/** in decimals, and in lists of them */
export const DECIMALS = 32;
/** in tags and file names */
export const NAME = 64;
/** ASCII letters and digits */
export const ALPHANUMERIC = 128;
/** in the local part of an address that needs no quotes in Exim's log */
export const MAILBOX = 256;
/** in domains */
export const LABELS = 512;
/** in IP addresses, with the zone of one */
export const IP = 1024;
/** in replies that need no escapes in Exim's log */
export const REPLY = 2048;

/** in the text of a refusal, without what begins or parts the fields behind it */
export const WORDS = 8192;
/** in the HELO name as smtpd logs it */
export const HELO = 16_384;
/** in the text of a refusal of Exim that cannot hold the end of a host */
export const EXIM_WORDS = 32_768;
/** in the system's words for an error */
export const CAUSE = 65_536;

const CLASSES = new Uint32Array(256);

function add(kind: number, bytes: string): void {
  for (const byte of bytes) CLASSES[byte.charCodeAt(0)] = (CLASSES[byte.charCodeAt(0)] ?? 0) | kind;
}

const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
add(DIGIT, DIGITS);
add(ID, `${DIGITS}ABCDEFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz`);
add(HOST, `${DIGITS}${LOWER}${UPPER}-./:_%`);
add(ADDRESS, `${DIGITS}${LOWER}${UPPER}!#$%&'()*+,-./:;=?@[]^_\`{|}~`);
add(LOGIN, `${DIGITS}${LOWER}${UPPER}@._+=-`);
add(DECIMALS, `${DIGITS}./`);
add(MAILBOX, `${DIGITS}${LOWER}${UPPER}._+=-`);
add(LABELS, `${DIGITS}${LOWER}${UPPER}.-`);
add(IP, `${DIGITS}${LOWER}${UPPER}.:%`);
add(REPLY, `${DIGITS}${LOWER}${UPPER} !#$%&'()*+,-./:;<=>?@[]^_\`{|}~`);
add(WORDS, `${DIGITS}${LOWER}${UPPER} !#$%&'()*+,-./:<>?@[]^_\`{|}~`);
add(EXIM_WORDS, `${DIGITS}${LOWER}${UPPER} !#$%&'(*+,-./:;<=>?@[]^_\`{|}~`);
add(HELO, `${DIGITS}${LOWER}${UPPER}.-_:[]`);
add(CAUSE, `${DIGITS}${LOWER}${UPPER} -`);
add(ALPHANUMERIC, `${DIGITS}${LOWER}${UPPER}`);
add(NAME, `${DIGITS}${LOWER}${UPPER}-./_`);

/** Longest decimal number that is read here: it stays a small integer of V8. */
const LONGEST_NUMBER = 9;

/** The bytes of a text of ASCII characters, to compare with. */
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A method that does not find what it is asked for returns false or -1, and leaves the cursor where it is. */
export class ByteCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** the same bytes as a byte string, from which fields are cut */
  text = '';
  at = 0;
  /** index after the line */
  end = 0;

  /** Whether `word` comes next; takes it then. */
  take(word: Uint8Array): boolean {
    const { bytes, at } = this;
    const { length } = word;
    if (at + length > this.end) return false;
    for (let index = 0; index < length; index++) {
      if (bytes[at + index] !== word[index]) return false;
    }
    this.at = at + length;
    return true;
  }

  /** Index after the bytes of this class at the cursor. */
  endOf(kind: number): number {
    const { bytes, end } = this;
    let { at } = this;
    while (at < end && ((CLASSES[bytes[at] as number] as number) & kind) !== 0) at++;
    return at;
  }

  /** Takes decimal digits, nine at most. */
  number(): number {
    const { bytes } = this;
    const end = this.endOf(DIGIT);
    if (end === this.at || end - this.at > LONGEST_NUMBER) return -1;
    let value = 0;
    for (let at = this.at; at < end; at++) value = 10 * value + (bytes[at] as number) - DIGIT_0;
    this.at = end;
    return value;
  }

  /** The text from `from` to the cursor. */
  since(from: number): string {
    return this.text.slice(from, this.at);
  }

  rest(): string {
    return this.text.slice(this.at, this.end);
  }

  get atEnd(): boolean {
    return this.at === this.end;
  }
}
