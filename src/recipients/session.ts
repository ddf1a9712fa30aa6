/**
 * An SMTP session with a back end that asks for recipients and sends no mail: EHLO, MAIL, RCPT, and RSET before the next.
 * Each question is a transaction of its own, so that no answer depends on the one before.
 */
import { isInternational } from './address.ts';
import { type Connection, openConnection, type Target } from './connection.ts';
import { describeReply, judgeRecipientReply } from './judge-reply.ts';
import type { CalloutOptions } from './options.ts';
import type { Reply } from './reply.ts';
import { type Answer, type Step, type Unknown, undecided, unknown } from './verdict.ts';

type SessionOptions = Pick<
  CalloutOptions,
  'helo' | 'greeting' | 'sender' | 'starttls' | 'connectTimeout' | 'replyTimeout'
>;

/**
 * Questions and refusals after which a session is ended. Postfix delays its answers after 10 errors in a session
 * (smtpd_soft_error_limit) and counts RSET as junk after 100 (smtpd_junk_command_limit).
 */
const MOST_QUESTIONS = 50;
const MOST_REFUSALS = 8;

export class Session {
  readonly #connection: Connection;
  readonly #options: SessionOptions;
  /** words of the EHLO reply, upper case; empty after HELO */
  readonly #offers: ReadonlySet<string>;
  #questions = 0;
  #refusals = 0;

  constructor(connection: Connection, options: SessionOptions, offers: ReadonlySet<string>) {
    this.#connection = connection;
    this.#options = options;
    this.#offers = offers;
  }

  /** Whether another question can be asked. */
  get isUsable(): boolean {
    return (
      this.#connection.failure === undefined &&
      this.#questions < MOST_QUESTIONS &&
      this.#refusals < MOST_REFUSALS
    );
  }

  /** Whether it has answered before: then a server that closes it is not in trouble. */
  get isUsed(): boolean {
    return this.#questions > 0;
  }

  /** Asks for one address. */
  async ask(address: string): Promise<Answer> {
    const international = isInternational(address);
    if (international && !this.#offers.has('SMTPUTF8'))
      return undecided('the address needs SMTPUTF8, which is not offered');
    const answer = await this.#transact(address, international);
    this.#questions++;
    if (answer.kind !== 'valid') this.#refusals++;
    return answer;
  }

  close(): void {
    this.#connection.close();
  }

  async #transact(address: string, international: boolean): Promise<Answer> {
    const reset = this.#questions > 0 ? ['RSET'] : [];
    const mail = `MAIL FROM:<${this.#options.sender}>${international ? ' SMTPUTF8' : ''}`;
    const recipient = `RCPT TO:<${address}>`;
    const isPipelined = this.#offers.has('PIPELINING');
    if (isPipelined) this.#connection.send(...reset, mail, recipient);
    for (const command of [...reset, mail]) {
      if (!isPipelined) this.#connection.send(command);
      const reply = await this.#read();
      if (typeof reply === 'string') return unknown('MAIL', reply);
      if (reply.code === 250) continue;
      // With pipelining, the answer to RCPT is still to come, and says nothing.
      if (isPipelined) this.close();
      return describeReply('MAIL', reply);
    }
    if (!isPipelined) this.#connection.send(recipient);
    const reply = await this.#read();
    return typeof reply === 'string' ? unknown('RCPT', reply) : judgeRecipientReply(reply);
  }

  #read(): Promise<Reply | string> {
    return this.#connection.read(this.#options.replyTimeout);
  }
}

/**
 * Opens a session: connection, greeting, EHLO or HELO, STARTTLS if it is offered. If TLS cannot be agreed on, once more
 * without it, as Postfix does with `smtp_tls_security_level = may`.
 */
export async function openSession(
  target: Target,
  options: SessionOptions,
): Promise<Session | Unknown> {
  const opened = await attempt(target, options);
  if (opened !== 'no TLS') return opened;
  return (await attempt(target, { ...options, starttls: false })) as Session | Unknown;
}

async function attempt(
  target: Target,
  options: SessionOptions,
): Promise<Session | Unknown | 'no TLS'> {
  const connection = await openConnection(target, options.connectTimeout);
  if (typeof connection === 'string') return unknown('connect', connection);
  const session = await greet(connection, options);
  if (!(session instanceof Session)) connection.close();
  return session;
}

async function greet(
  connection: Connection,
  options: SessionOptions,
): Promise<Session | Unknown | 'no TLS'> {
  const banner = expect('banner', 220, await connection.read(options.replyTimeout));
  if (isUnknown(banner)) return banner;
  const offers = await introduce(connection, options);
  if (isUnknown(offers)) return offers;
  if (!options.starttls || !offers.has('STARTTLS')) return new Session(connection, options, offers);
  connection.send('STARTTLS');
  const ready = expect('HELO', 220, await connection.read(options.replyTimeout));
  if (isUnknown(ready) || (await connection.startTls(options.replyTimeout)) !== undefined)
    return 'no TLS';
  // RFC 3207 4.2: what was said before TLS is forgotten.
  const secure = await introduce(connection, options);
  return isUnknown(secure) ? 'no TLS' : new Session(connection, options, secure);
}

/** EHLO, and HELO for a server that does not know it, RFC 5321 3.2; returns what is offered. */
async function introduce(
  connection: Connection,
  { helo, greeting, replyTimeout }: SessionOptions,
): Promise<ReadonlySet<string> | Unknown> {
  if (greeting === 'EHLO') {
    connection.send(`EHLO ${helo}`);
    const reply = await connection.read(replyTimeout);
    if (typeof reply !== 'string' && reply.code === 250) return readOffers(reply);
    if (typeof reply === 'string' || reply.code < 500) return expect('HELO', 250, reply) as Unknown;
  }
  connection.send(`HELO ${helo}`);
  const reply = expect('HELO', 250, await connection.read(replyTimeout));
  return isUnknown(reply) ? reply : new Set();
}

/** The keyword of each line after the first, RFC 5321 4.1.1.1. */
function readOffers({ text }: Reply): Set<string> {
  const lines = text.split('\n').slice(1);
  return new Set(lines.map((line) => (line.split(' ', 1)[0] as string).toUpperCase()));
}

function expect(step: Step, code: number, reply: Reply | string): Reply | Unknown {
  if (typeof reply === 'string') return unknown(step, reply);
  return reply.code === code ? reply : describeReply(step, reply);
}

function isUnknown(value: object): value is Unknown {
  return 'kind' in value;
}
