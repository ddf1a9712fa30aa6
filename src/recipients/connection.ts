/**
 * A TCP or TLS connection to a back end: commands out, replies in. Every wait has an end, counted over the whole reply, so
 * that neither slow bytes nor an endless reply hold it; bytes that answer no command end it.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { getErrno, getMessage } from '../base/errors.ts';
import { type Reply, ReplyReader } from './reply.ts';

/** An address that can be connected to; `name` is the host as it was configured. */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly name: string;
}

/** Opens it within `timeout` ms; returns why not. */
export function openConnection(target: Target, timeout: number): Promise<Connection | string> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: target.address, port: target.port, noDelay: true });
    const finish = (result: Connection | string) => {
      clearTimeout(timer);
      socket.removeAllListeners('connect').removeAllListeners('error');
      socket.on('error', () => {});
      if (typeof result === 'string') socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(finish, timeout, `no connection within ${timeout / 1000} s`);
    socket.once('error', (error) => finish(getErrno(error) ?? getMessage(error)));
    socket.once('connect', () => finish(new Connection(socket, target)));
  });
}

/** How long the other side may take to close, ms. */
const LAST_WORDS = 1000;

export class Connection {
  readonly target: Target;
  #socket: Socket;
  #reader = new ReplyReader();
  /** replies that have come and were not read yet */
  readonly #replies: Reply[] = [];
  /** replies that commands still wait for; the greeting is the first */
  #expected = 1;
  #failure: string | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, target: Target) {
    this.target = target;
    this.#socket = this.#listen(socket);
  }

  /** Why it can no longer be used; undefined while it can. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Sends commands, each of which gets a reply. */
  send(...commands: readonly string[]): void {
    if (this.#failure !== undefined) return;
    this.#expected += commands.length;
    this.#socket.write(commands.map((command) => `${command}\r\n`).join(''), 'latin1');
  }

  /** The next reply, complete within `timeout` ms; or why there is none: then the connection has ended. */
  async read(timeout: number): Promise<Reply | string> {
    const timer = setTimeout(() => this.#fail(`no reply within ${timeout / 1000} s`), timeout);
    while (this.#replies.length === 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    const reply = this.#replies.shift();
    if (reply === undefined) return this.#failure as string;
    this.#expected--;
    return reply;
  }

  /** TLS on this connection, RFC 3207, within `timeout` ms; returns why not: then the connection has ended. */
  async startTls(timeout: number): Promise<string | undefined> {
    if (this.#reader.isInside) this.#fail('spoke before TLS'); // RFC 3207 6: it could be anybody's words
    if (this.#failure !== undefined) return this.#failure;
    this.#socket.removeAllListeners('data').removeAllListeners('close');
    const { name } = this.target;
    const secure = connectTls({
      socket: this.#socket,
      rejectUnauthorized: false,
      ...(isIP(name) > 0 ? {} : { servername: name }),
    });
    this.#socket = this.#listen(secure);
    const timer = setTimeout(() => this.#fail(`no TLS within ${timeout / 1000} s`), timeout);
    let done = false;
    secure.once('secureConnect', () => {
      done = true;
      this.#wake?.();
    });
    while (!done && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    return this.#failure;
  }

  /** Ends it at once; a QUIT is sent if the other side still listens. */
  close(): void {
    if (this.#failure !== undefined) return;
    this.#failure = 'closed';
    this.#socket.end('QUIT\r\n');
    // Its last words are read and dropped; a peer that does not close does not keep it.
    setTimeout(() => this.#socket.destroy(), LAST_WORDS).unref();
    this.#socket.unref();
    this.#wake?.();
  }

  #listen(socket: Socket): Socket {
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(getErrno(error) ?? getMessage(error)));
    socket.on('close', () => this.#fail('closed the connection'));
    return socket;
  }

  #take(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    const replies = this.#reader.feed(chunk);
    if (typeof replies === 'string') return this.#fail(replies);
    this.#replies.push(...replies);
    // An answer to no command would be taken as the answer to the next one.
    if (this.#replies.length > this.#expected) return this.#fail('spoke out of turn');
    this.#wake?.();
  }

  #fail(why: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = why;
    if (why === 'spoke out of turn') this.#replies.length = 0;
    this.#socket.destroy();
    this.#wake?.();
  }
}
