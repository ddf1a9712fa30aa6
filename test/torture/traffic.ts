/**
 * A Postfix log that grows: users mail addresses that do not exist, some of them often. Bounces come late, and the user
 * of a refusal is known only at the end of the session. The log is written in pieces and rotated by renaming.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Random } from './form.ts';

interface Open {
  readonly id: string;
  readonly user: string;
}

export class Traffic {
  readonly #path: string;
  readonly #random: Random;
  readonly #open: Open[] = [];
  #serial = 0;
  #rotations = 0;
  /** of a line that is written in two pieces */
  #rest = '';

  constructor(path: string, random: Random) {
    this.#path = path;
    this.#random = random;
    writeFileSync(path, '');
  }

  /** One more thing happens. */
  step(): void {
    const random = this.#random;
    switch (random(7)) {
      case 0:
      case 1:
      case 2:
        return this.#accept();
      case 3:
      case 4:
        return this.#bounce();
      case 5:
        return this.#session();
      default:
        return this.#write(`${this.#at('anvil[9]')} statistics: max connection rate 1/60s\n`);
    }
  }

  /** All bounces come in, all lines end. */
  end(): void {
    while (this.#open.length > 0) this.#bounce();
    this.#write('');
  }

  /** A complete line of another program. */
  line(text: string): void {
    this.#rest += `${text}\n`;
    this.#write('');
  }

  rotate(): void {
    this.#write('');
    for (let number = this.#rotations; number > 0; number--) {
      renameSync(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
    }
    renameSync(this.#path, `${this.#path}.1`);
    writeFileSync(this.#path, '');
    this.#rotations++;
  }

  /** What was written since the beginning, whatever the files are called now. */
  all(): string {
    const rotated = Array.from({ length: this.#rotations }, (_, index) => index + 1).reverse();
    const paths = [...rotated.map((number) => `${this.#path}.${number}`), this.#path];
    return paths.map((path) => (existsSync(path) ? readFileSync(path, 'latin1') : '')).join('');
  }

  /** A third of the users bounces often; most others stay below the limit. */
  #user(): string {
    const random = this.#random;
    const number = random(3) === 0 ? random(60) : random(400);
    return `user${number}@example.net`;
  }

  #accept(): void {
    const id = (0x10000000 + ++this.#serial).toString(16).toUpperCase();
    const user = this.#user();
    this.#open.push({ id, user });
    this.#write(
      [
        `${this.#at('submission/smtpd[811]')} ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=${user}`,
        `${this.#at('cleanup[815]')} ${id}: message-id=<${id}@example.net>`,
        `${this.#at('qmgr[700]')} ${id}: from=<${user}>, size=1000, nrcpt=1 (queue active)`,
        '',
      ].join('\n'),
    );
  }

  #bounce(): void {
    const [message] = this.#open.splice(this.#random(this.#open.length), 1);
    if (message === undefined) return this.#accept();
    const { id } = message;
    const to = `nobody${this.#serial}@example.org`;
    this.#write(
      [
        `${this.#at('smtp[822]')} ${id}: to=<${to}>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 <${to}>: User unknown (in reply to RCPT TO command))`,
        `${this.#at('qmgr[700]')} ${id}: removed`,
        '',
      ].join('\n'),
    );
  }

  /** A recipient refused at once, before the log names the user. */
  #session(): void {
    const process = 1000 + this.#random(20);
    const client = `pc${process}.example.net[192.0.2.${this.#random(200)}]`;
    const id = (0x10000000 + ++this.#serial).toString(16).toUpperCase();
    const to = `absent${this.#serial}@example.org`;
    const at = () => this.#at(`submission/smtpd[${process}]`);
    this.#write(
      [
        `${at()} connect from ${client}`,
        `${at()} NOQUEUE: reject: RCPT from ${client}: 550 5.1.1 <${to}>: Recipient address rejected: User unknown; from=<a@example.net> to=<${to}> proto=ESMTP helo=<pc>`,
        `${at()} ${id}: client=${client}, sasl_method=PLAIN, sasl_username=${this.#user()}`,
        `${at()} disconnect from ${client} ehlo=1 auth=1 mail=1 rcpt=1/2 quit=1 commands=5/6`,
        '',
      ].join('\n'),
    );
  }

  /** Often only a part of it, the rest with the next one. */
  #write(text: string): void {
    const whole = this.#rest + text;
    const cut = text !== '' && this.#random(3) === 0 ? this.#random(whole.length) : whole.length;
    this.#rest = whole.slice(cut);
    appendFileSync(this.#path, whole.slice(0, cut), 'latin1');
  }

  #at(program: string): string {
    return `${new Date().toISOString()} mx1 postfix/${program}:`;
  }
}
