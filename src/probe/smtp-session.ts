/** An SMTP session that asks and never sends a message: HELO, MAIL, RCPT, VRFY, RSET, QUIT (RFC 5321). No TLS, no login. */
import { connect, type Socket } from 'node:net';
import { getErrno } from '../base/errors.ts';
import { SECOND } from '../base/time.ts';

/** postscreen waits 6 s before it greets, and some servers delay every reply. */
const TIMEOUT = 30 * SECOND;
/** Bytes of a reply that are kept; a server sends what it likes. */
const LONGEST_REPLY = 8192;

/** A reply, its lines joined by a space; or why there is none. */
export type SmtpAnswer =
  | { readonly code: number; readonly text: string }
  | { readonly failure: string };

export class SmtpSession {
  readonly #socket: Socket;
  #received = '';
  #failure: string | undefined;
  #wake: (() => void) | undefined;

  /** Connects at once; the first `reply()` is the greeting. */
  constructor(host: string, port: number) {
    this.#socket = connect({ host, port });
    this.#socket.setEncoding('latin1');
    this.#socket.setTimeout(TIMEOUT);
    this.#socket.on('data', (text: string) => {
      this.#received += text;
      if (this.#received.length > LONGEST_REPLY) this.#end('the reply is too long');
      this.#wake?.();
    });
    this.#socket.on('timeout', () => this.#end('no reply within 30 s'));
    this.#socket.on('error', (error) => this.#end(getErrno(error) ?? error.message));
    this.#socket.on('close', () => this.#end('the server closed the connection'));
  }

  /** The address from which the server sees this session; undefined until it is connected. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  /** Sends one command. Throws a RangeError for DATA and BDAT, and for more than one line. */
  async command(line: string): Promise<SmtpAnswer> {
    if (/^(?:DATA|BDAT)\b|[\r\n]/i.test(line)) throw new RangeError(`not sent: ${line}`);
    if (this.#failure === undefined) this.#socket.write(`${line}\r\n`, 'latin1');
    return await this.reply();
  }

  /** The next reply, RFC 5321 4.2. */
  async reply(): Promise<SmtpAnswer> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(this.#received);
      if (match !== null) {
        this.#received = this.#received.slice(match[0].length);
        const lines = match[0].trimEnd().split(/\r?\n/);
        return { code: Number(match[1]), text: lines.map((line) => line.slice(4)).join(' ') };
      }
      if (this.#failure !== undefined) return { failure: this.#failure };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Says goodbye and does not wait for the answer. */
  close(): void {
    if (this.#failure === undefined) this.#socket.end('QUIT\r\n');
    this.#end('closed');
    setTimeout(() => this.#socket.destroy(), SECOND).unref();
  }

  #end(failure: string): void {
    this.#failure ??= failure;
    this.#wake?.();
  }
}
