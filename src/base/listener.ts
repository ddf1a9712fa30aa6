/**
 * Keeps a server listening at one address: if it cannot, it tries again with growing pauses; a socket that somebody
 * deletes is made again. Open connections are kept in any case. Never throws.
 */
import { createServer, type Server, type ServerOpts, type Socket } from 'node:net';
import { dropUndefined } from './defined.ts';
import { getMessage } from './errors.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import type { Log } from './log.ts';
import {
  clearPlace,
  describeListenFailure,
  isInPlace,
  listenAt,
  removeSocket,
  type SocketAccess,
} from './socket.ts';
import { MINUTE, SECOND } from './time.ts';
import { waitOrAbort } from './wait.ts';

interface ListenerOptions {
  /** for log lines: `policy service` */
  readonly name: string;
  readonly address: ListenAddress;
  readonly access: SocketAccess;
  /** the options of the configuration that decide whether it can listen, for messages */
  readonly settings: string;
  readonly onConnection: (socket: Socket) => void;
  readonly log: Log;
  readonly sockets?: ServerOpts;
  /** ms, default a minute: how often to check whether the socket still exists */
  readonly lookAgain?: number | undefined;
}

/** A server, and what identifies its socket. */
interface Listening {
  readonly server: Server;
  readonly mark: string | undefined;
}

const FIRST_PAUSE = SECOND;
/** Another process may leave the place at any time. */
const LONGEST_PAUSE = 10 * SECOND;

export class Listener {
  readonly #options: ListenerOptions;
  /** the ends of the servers that do not listen any more: each comes with its last connection */
  readonly #ends: Promise<void>[] = [];
  /** why it does not listen, while that is so */
  failure: string | undefined;
  isListening = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Listens until `signal` is aborted; then the address is free again. */
  async run(signal: AbortSignal): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!signal.aborted) {
      const listening = await this.#tryListen();
      if (listening === undefined) {
        await waitOrAbort(pause, signal);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      } else {
        pause = FIRST_PAUSE;
        await this.#waitUntilLost(listening, signal);
        this.#stop(listening);
      }
    }
  }

  /** Resolves when the last connection has ended. */
  async waitForConnections(): Promise<void> {
    await Promise.all(this.#ends);
  }

  #stop({ server, mark }: Listening): void {
    this.isListening = false;
    removeSocket(this.#options.address, mark);
    this.#ends.push(new Promise((resolve) => server.close(() => resolve())));
  }

  async #tryListen(): Promise<Listening | undefined> {
    const { name, address, access, log } = this.#options;
    try {
      const listening = await this.#listen();
      this.failure = undefined;
      this.isListening = true;
      const { group } = access;
      log.info(dropUndefined({ listen: formatListenAddress(address), group }), name);
      return listening;
    } catch (error) {
      this.#noteFailure(error);
      return undefined;
    }
  }

  #noteFailure(error: unknown): void {
    const { name, address, settings, log } = this.#options;
    const failure = describeListenFailure(address, error, settings);
    if (failure !== this.failure) log.error({ error: failure }, `no ${name}, will try again`);
    this.failure = failure;
  }

  /** Resolves when aborted, or when the socket is gone and its place is free for another one. */
  async #waitUntilLost({ mark }: Listening, signal: AbortSignal): Promise<void> {
    const { name, address, log, lookAgain = MINUTE } = this.#options;
    for (;;) {
      await waitOrAbort(lookAgain, signal);
      if (signal.aborted) return;
      if (isInPlace(address, mark)) {
        this.failure = undefined;
        continue;
      }
      try {
        await clearPlace(address);
        log.warn({ listen: formatListenAddress(address) }, `${name}: somebody deleted the socket`);
        return;
      } catch (error) {
        this.#noteFailure(error);
      }
    }
  }

  /** Throws if it cannot listen, or if the mail server could not connect. */
  async #listen(): Promise<Listening> {
    const { name, address, access, onConnection, log, sockets = {} } = this.#options;
    const server = createServer(sockets, onConnection);
    const mark = await listenAt(server, address, access);
    server.on('error', (error) =>
      log.warn({ error: getMessage(error) }, `${name}: a connection was not accepted`),
    );
    return { server, mark };
  }
}
