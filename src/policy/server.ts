/**
 * The policy service: listens where the mail server connects, while the daemon runs. If it cannot listen, it tries
 * again with growing pauses. Mail flows meanwhile, since the mail server takes no answer for DUNNO. A socket that
 * somebody deletes is made again; open connections are kept.
 * Nothing that a peer sends ends the service. If deciding fails, the answer is DUNNO.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { dropUndefined } from '../base/defined.ts';
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MINUTE, SECOND } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import { formatListenAddress, type ListenAddress } from './address.ts';
import { DUNNO } from './blocklist.ts';
import { type Decide, serve } from './connection.ts';
import { ConnectionLimit } from './connection-limit.ts';
import {
  clearPlace,
  describeListenFailure,
  grantGroup,
  isInPlace,
  readSocketMark,
  withAccess,
} from './socket.ts';

interface PolicyServerOptions {
  readonly listen: ListenAddress;
  /** group that may connect to the unix socket; undefined: every account that may enter its folder */
  readonly group?: string | undefined;
  readonly decide: Decide;
  readonly log: Log;
  /** ms, default a minute: how often to check whether the socket still exists */
  readonly lookAgain?: number;
  /** default: half of the descriptors that the process may open, at most 5000 */
  readonly mostConnections?: number;
}

/** A server, and what identifies its socket. */
interface Listening {
  readonly server: Server;
  readonly mark: string | undefined;
}

/** How long connections may take to finish when the service ends, ms. */
const LONGEST_END = 500;
const FIRST_PAUSE = SECOND;

export class PolicyServer {
  readonly #options: PolicyServerOptions;
  readonly #connections: ConnectionLimit;
  /** ms on the process's clock: when it was last logged that connections had to be closed */
  #limitLogged = Number.NEGATIVE_INFINITY;
  /** the ends of the servers that do not listen any more: each comes with its last connection */
  readonly #ends: Promise<void>[] = [];
  /** why it does not listen, while that is so */
  failure: string | undefined;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
    this.#connections = new ConnectionLimit(options.mostConnections);
  }

  /** Listens until `signal` is aborted, then answers what is under way and closes. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!signal.aborted) {
      const listening = await this.#tryListen();
      if (listening === undefined) {
        await waitOrAbort(pause, signal);
        pause = Math.min(2 * pause, MINUTE);
      } else {
        pause = FIRST_PAUSE;
        await this.#waitUntilLost(listening, signal);
        // Removes the socket file, too.
        this.#ends.push(new Promise((resolve) => listening.server.close(() => resolve())));
      }
    }
    await this.#end();
  }

  async #tryListen(): Promise<Listening | undefined> {
    const { listen, group, log } = this.#options;
    try {
      const listening = await this.#listen();
      this.failure = undefined;
      log.info(
        dropUndefined({ listen: formatListenAddress(listen), group: group ? group : undefined }),
        'policy service',
      );
      return listening;
    } catch (error) {
      this.#noteFailure(error);
      return undefined;
    }
  }

  #noteFailure(error: unknown): void {
    const { listen, log } = this.#options;
    const failure = describeListenFailure(listen, error);
    if (failure !== this.failure)
      log.error({ error: failure }, 'no policy service, will try again');
    this.failure = failure;
  }

  /** Resolves when aborted, or when the socket is gone and its place is free for another one. */
  async #waitUntilLost({ mark }: Listening, signal: AbortSignal): Promise<void> {
    const { listen, log, lookAgain = MINUTE } = this.#options;
    for (;;) {
      await waitOrAbort(lookAgain, signal);
      if (signal.aborted) return;
      if (isInPlace(listen, mark)) {
        this.failure = undefined;
        continue;
      }
      try {
        // Before ours is closed: that would delete whatever has taken its place.
        await clearPlace(listen);
        const data = { listen: formatListenAddress(listen) };
        log.warn(data, 'policy service: somebody deleted the socket');
        return;
      } catch (error) {
        this.#noteFailure(error);
      }
    }
  }

  /** Throws if it cannot listen, or if the mail server could not connect. */
  async #listen(): Promise<Listening> {
    const { listen, group, log } = this.#options;
    const address = await clearPlace(listen);
    const server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      withAccess(group, () => server.listen(address, () => resolve()));
    });
    server.on('error', (error) =>
      log.warn({ error: getMessage(error) }, 'policy service: a connection was not accepted'),
    );
    try {
      grantGroup(listen, group);
      return { server, mark: readSocketMark(listen) };
    } catch (error) {
      server.close();
      throw error;
    }
  }

  #serve(socket: Socket): void {
    const connection = serve(socket, (request) => {
      this.#connections.noteUse(connection);
      return this.#decide(request);
    });
    socket.once('close', () => this.#connections.remove(connection));
    if (this.#connections.add(connection)) this.#logLimit();
  }

  #logLimit(): void {
    const now = performance.now();
    if (now - this.#limitLogged < MINUTE) return;
    this.#limitLogged = now;
    this.#options.log.warn('policy service: too many connections, closing the ones unused longest');
  }

  #decide(request: Parameters<Decide>[0]): string {
    try {
      return this.#options.decide(request);
    } catch (error) {
      this.#options.log.error({ error: getMessage(error) }, 'policy service: answered DUNNO');
      return DUNNO;
    }
  }

  /** No server accepts connections any more; the open ones end soon. */
  async #end(): Promise<void> {
    const timer = setTimeout(() => this.#connections.destroy(), LONGEST_END);
    this.#connections.end();
    await Promise.all(this.#ends);
    clearTimeout(timer);
  }
}
