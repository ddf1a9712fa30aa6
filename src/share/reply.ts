/**
 * The engine's protocol, RESP version 2. What the engine says was written by other hosts, any of which may have been taken
 * over, so a reply is bounded: nobody fills the memory of this one. Knows no socket.
 */

/** What the engine answers; an error only as a whole reply. */
export type Reply = string | number | null | ReplyError | Reply[];

/** The engine has refused a command; the message begins with a word in upper case. */
export class ReplyError extends Error {}

/** Bytes of a reply. What the scripts that read hand over is less; an entry of a stream may be anything. */
const LONGEST_REPLY = 16 * 1024 * 1024;
/** Bytes of a line: a number, a status or an error. */
const LONGEST_LINE = 64 * 1024;
const DEEPEST = 8;

const CRLF = '\r\n';

/** A command as the engine reads it. */
export function encodeCommand(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}${CRLF}${word}${CRLF}`);
  return `*${words.length}${CRLF}${parts.join('')}`;
}

interface OpenArray {
  readonly items: Reply[];
  readonly size: number;
}

/** Cuts bytes into replies. */
export class ReplyReader {
  #chunks: Buffer[] = [];
  /** bytes in the chunks */
  #waiting = 0;
  /** bytes that there must be before it is worth while to look again */
  #needed = 1;
  /** bytes of the reply that has begun, without the chunks */
  #taken = 0;
  readonly #open: OpenArray[] = [];

  /** Takes bytes; returns the replies that are now complete. Throws an Error if it is no reply, or too long. */
  feed(chunk: Buffer): Reply[] {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    return this.#waiting < this.#needed ? [] : this.#readAll();
  }

  #readAll(): Reply[] {
    const bytes = Buffer.concat(this.#chunks);
    const replies: Reply[] = [];
    let at = 0;
    for (;;) {
      const item = this.#readItem(bytes, at);
      if (item === undefined) break;
      this.#taken += item.end - at;
      at = item.end;
      const reply = this.#add(item.value);
      if (reply === undefined) continue;
      replies.push(reply);
      this.#taken = 0;
    }
    this.#chunks = [bytes.subarray(at)];
    this.#waiting = bytes.length - at;
    if (this.#taken + this.#waiting > LONGEST_REPLY) throw tooLong();
    return replies;
  }

  /** The item at `at`, an array as its size; undefined if it is not whole yet. */
  #readItem(bytes: Buffer, at: number): { value: Reply | OpenArray; end: number } | undefined {
    const lineEnd = bytes.indexOf(CRLF, at, 'latin1');
    if (lineEnd < 0) {
      if (bytes.length - at > LONGEST_LINE) throw tooLong();
      this.#needed = bytes.length - at + 1;
      return undefined;
    }
    const text = bytes.toString('utf8', at + 1, lineEnd);
    const end = lineEnd + 2;
    switch (bytes[at]) {
      case 0x2b: // +
        return { value: text, end };
      case 0x2d: // -
        return { value: new ReplyError(text), end };
      case 0x3a: // :
        return { value: Number(text), end };
      case 0x2a: // *
        return { value: this.#openArray(readSize(text)), end };
      case 0x24: // $
        return this.#readText(bytes, { at, from: end, size: readSize(text) });
      default:
        throw new Error('the engine has sent what is not a reply');
    }
  }

  #readText(bytes: Buffer, { at, from, size }: { at: number; from: number; size: number }) {
    if (size < 0) return { value: null, end: from };
    const end = from + size + 2;
    if (this.#taken + end - at > LONGEST_REPLY) throw tooLong();
    if (end <= bytes.length) return { value: bytes.toString('utf8', from, end - 2), end };
    this.#needed = end - at;
    return undefined;
  }

  #openArray(size: number): Reply | OpenArray {
    if (size < 0) return null;
    if (size === 0) return [];
    if (this.#open.length >= DEEPEST) throw new Error('the engine has sent arrays within arrays');
    return { items: [], size };
  }

  /** Puts an item where it belongs; the reply, if that makes it whole. */
  #add(item: Reply | OpenArray): Reply | undefined {
    if (isOpenArray(item)) {
      this.#open.push(item);
      return undefined;
    }
    let value = item;
    for (let array = this.#open.at(-1); array !== undefined; array = this.#open.at(-1)) {
      array.items.push(value);
      if (array.items.length < array.size) return undefined;
      this.#open.pop();
      value = array.items;
    }
    return value;
  }
}

function isOpenArray(item: Reply | OpenArray): item is OpenArray {
  return typeof item === 'object' && item !== null && 'items' in item;
}

function readSize(text: string): number {
  if (!/^(?:-1|\d{1,9})$/.test(text)) throw new Error('the engine has sent what is not a reply');
  return Number(text);
}

function tooLong(): Error {
  return new Error(`the engine has sent a reply of more than ${LONGEST_REPLY / 1024 / 1024} MB`);
}
