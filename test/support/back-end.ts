/** Back ends for recipient verification, on loopback: honest ones by `smtp-server`, hostile ones by a script of bytes. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface BackEnd {
  readonly port: number;
  /** every RCPT that arrived, in order */
  readonly asked: readonly string[];
  /** connections that were opened */
  connections(): number;
  /** the most connections at a time */
  peak(): number;
  /** sessions that used TLS */
  secured(): number;
  stop(): Promise<void>;
}

export interface BackEndOptions {
  /** answer to RCPT: `250`, or a code and text that refuse; default: `good...` exists */
  readonly reply?: (recipient: string) => string;
  /** answer to MAIL, as for `reply` */
  readonly mail?: () => string;
  readonly starttls?: boolean;
  /** does not offer SMTPUTF8 */
  readonly ascii?: boolean;
  /** ms before an answer to RCPT */
  readonly delay?: number;
  readonly port?: number;
  readonly host?: string;
}

/** The usual answer: addresses that begin with `good` exist. */
export function knowGood(recipient: string): string {
  return recipient.startsWith('good') ? '250' : '550 5.1.1 User unknown';
}

/** An honest server, which may refuse, delay or greylist. */
export async function startBackEnd(options: BackEndOptions = {}): Promise<BackEnd> {
  const asked: string[] = [];
  const counts = { opened: 0, now: 0, peak: 0, secured: 0 };
  const { reply = knowGood, mail = () => '250' } = options;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.starttls === true ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    hideSMTPUTF8: options.ascii === true,
    logger: false,
    closeTimeout: 50,
    onConnect(_session, callback) {
      counts.opened++;
      counts.now++;
      counts.peak = Math.max(counts.peak, counts.now);
      callback();
    },
    onSecure(_socket, _session, callback) {
      counts.secured++;
      callback();
    },
    onClose() {
      counts.now--;
    },
    onMailFrom(_address, _session, callback) {
      callback(errorOf(mail()));
    },
    onRcptTo({ address }, _session, callback) {
      asked.push(address);
      setTimeout(() => callback(errorOf(reply(address))), options.delay ?? 0);
    },
  });
  server.on('error', () => {}); // a client that leaves in the middle
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    asked,
    connections: () => counts.opened,
    peak: () => counts.peak,
    secured: () => counts.secured,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function errorOf(reply: string): Error | null {
  if (reply.startsWith('250')) return null;
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
}

export interface Hostile {
  readonly port: number;
  /** what clients have sent */
  received(): string;
  connections(): number;
  stop(): Promise<void>;
}

/** A server that does what `talk` does with each connection. */
export async function startHostile(talk: (socket: Socket) => void): Promise<Hostile> {
  let received = '';
  let opened = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    opened++;
    sockets.add(socket);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    talk(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    received: () => received,
    connections: () => opened,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/**
 * Speaks by a script: each line of the client gets the next answer, sent as it is; the first is the greeting. After the
 * last one it says nothing more.
 */
export function script(...answers: readonly string[]): (socket: Socket) => void {
  return (socket) => {
    const left = [...answers];
    const next = () => {
      const answer = left.shift();
      if (answer !== undefined) socket.write(answer, 'latin1');
    };
    next();
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() as string;
      for (const _ of lines) next();
    });
  };
}
