/** A mail server's side of the milter protocol, as Postfix sends it, that asks as fast as it is answered. */
import { connect, type Socket } from 'node:net';
import { cpuOf, sleep } from './measure.ts';

export const CONNECTIONS = 200;
/** Recipients of a message. */
const RECIPIENTS = 50;
/** Seconds before anything is counted. */
const WARM_UP = 1;

const frame = (command: string, data = '') => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(1 + data.length);
  return Buffer.concat([head, Buffer.from(command + data, 'latin1')]);
};
const OFFER = frame('O', '\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff');
/** Bits of the answer, negotiation.ts. */
const [NOHELO, NR_CONN, NR_MAIL] = [0x2, 0x1000, 0x4000] as const;
const CONNECT = Buffer.concat([
  frame('D', 'Cj\0mx.example.net\0{daemon_name}\0smtp\0'),
  frame('C', 'client.example.org\x004\xd2\x78192.0.2.7\0'),
]);
const HELO = frame('H', 'client.example.org\0');
/** As Postfix sends it: what is left of the message before, macros, and the command. */
const MAIL = Buffer.concat([
  frame('A'),
  frame('D', 'M{mail_addr}\0x@out.example\0'),
  frame('M', '<x@out.example>\0SIZE=1000\0'),
]);

/** The frames of one RCPT command. */
export function rcpt(address: string): Buffer {
  return Buffer.concat([
    frame('D', `Ri\0ABCDEF\0{rcpt_addr}\0${address}\0{rcpt_mailer}\0smtp\0`),
    frame('R', `<${address}>\0`),
  ]);
}

/** One connection that asks as fast as it is answered, and only what was negotiated; counts recipients. */
class Client {
  count = 0;
  readonly #socket: Socket;
  readonly #next: () => Buffer;
  #at = -1;
  /** bytes of answers that are still to come: each is 5 long */
  #expected = 0;
  /** bits of the negotiation; undefined before it */
  #protocol: number | undefined;

  /** `next`: the frames of the next RCPT command */
  constructor(place: string, next: () => Buffer) {
    this.#next = next;
    this.#socket = /^\d+$/.test(place) ? connect(Number(place), '127.0.0.1') : connect(place);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => console.error(error.message));
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.write(OFFER);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    if (this.#protocol === undefined) {
      this.#protocol = bytes.readUInt32BE(13);
      const replies = (this.#hasNot(NR_CONN) ? 1 : 0) + (this.#hasNot(NOHELO) ? 1 : 0);
      this.#socket.write(this.#hasNot(NOHELO) ? Buffer.concat([CONNECT, HELO]) : CONNECT);
      this.#expected = 5 * replies;
      if (replies === 0) this.#ask();
      return;
    }
    this.#expected -= bytes.length;
    if (this.#expected > 0) return;
    if (this.#at >= 0) this.count++;
    this.#at = this.#at + 1 >= RECIPIENTS ? -1 : this.#at + 1;
    this.#ask();
  }

  #ask(): void {
    this.#expected = 5;
    if (this.#at >= 0) return void this.#socket.write(this.#next());
    if (this.#hasNot(NR_MAIL)) return void this.#socket.write(MAIL);
    this.#at = 0;
    this.#socket.write(Buffer.concat([MAIL, this.#next()]));
  }

  #hasNot(bit: number): boolean {
    return ((this.#protocol as number) & bit) === 0;
  }
}

export interface Measured {
  /** recipients a second */
  readonly rate: number;
  /** microseconds of CPU of the milter for each */
  readonly cpu: number;
}

/**
 * What a milter at `place` (a path or a port of 127.0.0.1), a process of its own, does in so many seconds. `next` gives
 * the frames of the next RCPT command.
 */
export async function measure(
  place: string,
  pid: number,
  { next, seconds }: { readonly next: () => Buffer; readonly seconds: number },
): Promise<Measured> {
  const clients = Array.from({ length: CONNECTIONS }, () => new Client(place, next));
  const total = () => clients.reduce((sum, { count }) => sum + count, 0);
  await sleep(WARM_UP * 1000);
  const [count, cpu, began] = [total(), cpuOf(pid), performance.now()];
  await sleep(seconds * 1000);
  const done = total() - count;
  const result = {
    rate: done / ((performance.now() - began) / 1000),
    cpu: ((cpuOf(pid) - cpu) * 1e6) / done,
  };
  for (const client of clients) client.close();
  await sleep(200);
  return result;
}
