/** SMTP replies, RFC 5321 4.2, from a server that may be hostile: everything is bounded. Knows no socket. */

export interface Reply {
  readonly code: number;
  /** the texts of its lines, joined by line feeds; bytes (latin1) */
  readonly text: string;
}

/** RFC 5321 4.5.3.1.5 has 512 octets; Postfix takes 2048, and nobody who is honest sends more. */
const LONGEST_LINE = 2048;
const MOST_LINES = 100;

/** Cuts bytes into replies. */
export class ReplyReader {
  #rest = '';
  #lines: string[] = [];
  #code = '';

  /** Takes bytes; returns the replies that are now complete, or why this is not SMTP. */
  feed(chunk: Buffer): Reply[] | string {
    const replies: Reply[] = [];
    const pieces = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = pieces.pop() as string;
    for (const piece of pieces) {
      const reply = this.#take(piece.replace(/\r$/, ''));
      if (typeof reply === 'string') return reply;
      if (reply !== undefined) replies.push(reply);
    }
    return this.#rest.length > LONGEST_LINE ? 'sent a line without an end' : replies;
  }

  /** Whether a reply has begun and not ended. */
  get isInside(): boolean {
    return this.#rest !== '' || this.#lines.length > 0;
  }

  #take(line: string): Reply | string | undefined {
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null || line.length > LONGEST_LINE) return 'sent what is not a reply';
    const [, code = '', mark, text = ''] = match;
    if (this.#lines.length > 0 && code !== this.#code) return 'sent a reply with two codes';
    if (this.#lines.length >= MOST_LINES) return 'sent a reply without an end';
    this.#code = code;
    this.#lines.push(text);
    if (mark === '-') return undefined;
    const reply = { code: Number(code), text: this.#lines.join('\n') };
    this.#lines = [];
    return reply;
  }
}

/** The enhanced status code that a text begins with, RFC 2034 4; undefined if there is none. */
export function readStatus({ text }: Reply): string | undefined {
  return /^([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/.exec(text)?.[1];
}
