/**
 * An SMTP client that shows every reply and can keep its session open, RFC 5321.
 * Waits for each reply before the next command; no TLS. Throws if the connection ends without a reply.
 */
import { connect, type Socket } from 'node:net';

/** One reply: `text` holds all its lines without code, joined by LF. */
export interface SmtpReply {
  readonly code: number;
  readonly text: string;
}

export interface ConnectOptions {
  readonly port: number;
  /** default 127.0.0.1 */
  readonly host?: string;
  /** address to come from, for instance 127.0.0.2 */
  readonly localAddress?: string;
  readonly helo?: string;
  /** XCLIENT attributes (Postfix XCLIENT_README), for instance `ADDR=IPV6:2001:db8::7` */
  readonly xclient?: string;
  readonly auth?: { readonly user: string; readonly password: string };
}

export interface Mail {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly subject?: string;
  readonly body?: string;
}

/** What the server said about one mail. `data` is the reply after the final dot, or that to DATA when it was refused. */
export interface MailReplies {
  readonly mail: SmtpReply;
  readonly recipients: readonly SmtpReply[];
  readonly data?: SmtpReply;
}

const REPLY_TIMEOUT = 15_000;

export class SmtpClient {
  readonly #socket: Socket;
  readonly #replies: SmtpReply[] = [];
  #pending = '';
  #lines: string[] = [];
  #waiting: ((end?: Error) => void) | undefined;
  #end: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', (error) => this.#finish(error));
    socket.on('close', () => this.#finish(new Error('the server closed the connection')));
  }

  /** Connects, greets, and authenticates when asked to; throws when the server refuses any of it. */
  static async open(options: ConnectOptions): Promise<SmtpClient> {
    const { port, host = '127.0.0.1', localAddress, helo = 'client.example.net' } = options;
    const client = new SmtpClient(
      connect({ port, host, ...(localAddress === undefined ? {} : { localAddress }) }),
    );
    expectCode(await client.reply(), 220);
    if (options.xclient !== undefined) {
      expectCode(await client.command(`EHLO ${helo}`), 250);
      expectCode(await client.command(`XCLIENT ${options.xclient}`), 220);
    }
    expectCode(await client.command(`EHLO ${helo}`), 250);
    if (options.auth !== undefined) {
      expectCode(await client.auth(options.auth.user, options.auth.password), 235);
    }
    return client;
  }

  /** Sends one line and returns its reply. */
  command(line: string): Promise<SmtpReply> {
    this.#socket.write(`${line}\r\n`, 'utf8');
    return this.reply();
  }

  /** AUTH PLAIN with an initial response, RFC 4616. */
  auth(user: string, password: string): Promise<SmtpReply> {
    return this.command(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
  }

  /** One transaction. Ends it with RSET when no recipient was taken, so that the session can go on. */
  async send(mail: Mail): Promise<MailReplies> {
    const replies: SmtpReply[] = [];
    const first = await this.command(`MAIL FROM:<${mail.sender}>`);
    if (first.code !== 250) return { mail: first, recipients: [] };
    for (const recipient of mail.recipients) {
      replies.push(await this.command(`RCPT TO:<${recipient}>`));
    }
    if (!replies.some((reply) => reply.code < 300)) {
      await this.command('RSET');
      return { mail: first, recipients: replies };
    }
    const go = await this.command('DATA');
    if (go.code !== 354) {
      await this.command('RSET');
      return { mail: first, recipients: replies, data: go };
    }
    return { mail: first, recipients: replies, data: await this.command(messageText(mail)) };
  }

  /** The next reply; throws after 15 s or when the connection ends. */
  async reply(): Promise<SmtpReply> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return ready;
    if (this.#end !== undefined) throw this.#end;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no SMTP reply')), REPLY_TIMEOUT);
      this.#waiting = (end) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        if (end === undefined) resolve();
        else reject(end);
      };
    });
    return this.#replies.shift() as SmtpReply;
  }

  async quit(): Promise<void> {
    await this.command('QUIT');
    this.#socket.destroy();
  }

  /** Drops the connection without a word. */
  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const lines = (this.#pending + chunk).split('\r\n');
    this.#pending = lines.pop() as string;
    for (const line of lines) {
      this.#lines.push(line.slice(4));
      if (line[3] === '-') continue;
      this.#replies.push({ code: Number(line.slice(0, 3)), text: this.#lines.join('\n') });
      this.#lines = [];
    }
    if (this.#replies.length > 0) this.#waiting?.();
  }

  #finish(end: Error): void {
    this.#end ??= end;
    this.#waiting?.(this.#end);
  }
}

/** One mail on a connection of its own. */
export async function sendMail(options: ConnectOptions, mail: Mail): Promise<MailReplies> {
  const client = await SmtpClient.open(options);
  try {
    const replies = await client.send(mail);
    await client.quit();
    return replies;
  } finally {
    client.close();
  }
}

function messageText(mail: Mail): string {
  const body = (mail.body ?? 'Hello.').replaceAll(/^\./gm, '..').replaceAll(/\r?\n/g, '\r\n');
  const header = [
    `From: <${mail.sender}>`,
    `To: ${mail.recipients.map((recipient) => `<${recipient}>`).join(',\r\n ')}`,
    `Subject: ${mail.subject ?? 'A test'}`,
  ];
  return `${header.join('\r\n')}\r\n\r\n${body}\r\n.`;
}

function expectCode(reply: SmtpReply, code: number): void {
  if (reply.code !== code) throw new Error(`SMTP ${reply.code} ${reply.text}, expected ${code}`);
}
