/**
 * A connection to the engine: commands out, replies in, in the same order. Any failure closes it. It is our own, because
 * a host that was taken over can put a value or an entry of a stream of 100 MB below its name, and the client libraries
 * have no bound for what they read: every other host would go beyond the memory that it may take.
 */
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodeCommand, type Reply, ReplyError, ReplyReader } from './reply.ts';

export interface EngineAddress {
  readonly address:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean };
  readonly user?: string | undefined;
  /** read at every attempt to connect */
  readonly passwordFile?: string | undefined;
  /** certificates (PEM) of who signs the engine's; default: those of the system */
  readonly caFile?: string | undefined;
}

interface Waiting {
  resolve(reply: Exclude<Reply, ReplyError>): void;
  reject(error: Error): void;
}

export class EngineConnection {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.close(error));
    socket.on('close', () => this.close(new Error('the engine has closed the connection')));
  }

  /** Begins to connect and logs in. Throws an Error for a file that cannot be read. */
  static open(options: EngineAddress): {
    readonly connection: EngineConnection;
    readonly ready: Promise<unknown>;
  } {
    const { user = 'default', passwordFile } = options;
    const password =
      passwordFile === undefined ? undefined : readFileSync(passwordFile, 'utf8').split('\n', 1)[0];
    const connection = new EngineConnection(connect(options));
    // Whatever comes first waits for the connection; PING shows that it is there.
    const words = password === undefined ? ['PING'] : ['AUTH', user, password];
    const ready = connection.send(words).catch((error) => {
      // It is there, and says itself who may do what.
      if (!(error instanceof ReplyError) || password !== undefined) throw error;
    });
    return { connection, ready };
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** Runs a command. Rejects with a ReplyError if the engine refuses it, with another Error if the connection fails. */
  send(words: readonly string[]): Promise<Exclude<Reply, ReplyError>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand(words));
    });
  }

  /** Closes it; what waits for a reply is told why. */
  close(why = new Error('closed')): void {
    if (this.#failure !== undefined) return;
    this.#failure = why;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(why);
  }

  #take(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      for (const reply of this.#reader.feed(chunk)) this.#answer(reply);
    } catch (error) {
      this.close(error as Error);
    }
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new Error('the engine spoke without being asked');
    if (reply instanceof ReplyError) waiting.reject(reply);
    else waiting.resolve(reply);
  }
}

function connect({ address, caFile }: EngineAddress): Socket {
  if (address.kind === 'unix') return connectTcp({ path: address.path });
  const { host, port, tls } = address;
  if (!tls) return connectTcp({ host, port, keepAlive: true });
  return connectTls({ host, port, ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }) });
}
