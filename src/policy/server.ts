/**
 * The policy service: listens where the mail server asks, for as long as the daemon lives. A place where it cannot
 * listen is tried again with growing pauses: mail flows meanwhile, since the mail server takes no answer for DUNNO.
 * A socket that somebody deletes is made anew; who is connected stays so.
 * Nothing that a peer sends ends it, and an error in deciding is DUNNO, too.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { dropUndefined } from '../base/defined.ts';
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MINUTE, SECOND } from '../base/time.ts';
import { addressText, type ListenAddress } from './address.ts';
import { DUNNO } from './blocklist.ts';
import { type Decide, serve } from './connection.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { isInPlace, listenFailure, openTo, prepare, socketMark } from './socket.ts';

interface PolicyServerOptions {
  readonly listen: ListenAddress;
  /** group that may connect to the unix socket; undefined: whom its folder lets in */
  readonly group?: string | undefined;
  readonly decide: Decide;
  readonly log: Log;
  /** ms, default a minute: how often to look whether the socket is still there */
  readonly lookAgain?: number;
  /** default: half of the descriptors that the process may open, at most 5000 */
  readonly mostConnections?: number;
}

/** A server, and what its socket is known by. */
interface Listening {
  readonly server: Server;
  readonly mark: string | undefined;
}

/** What is under way at the end may take this long, ms. */
const GRACE = 500;
const FIRST_PAUSE = SECOND;

export class PolicyServer {
  readonly #options: PolicyServerOptions;
  readonly #crowd: ConnectionLimit;
  /** ms on the process's clock: when it was last said that connections had to make way */
  #saidCrowded = Number.NEGATIVE_INFINITY;
  /** the ends of the servers that listen no more: each comes with its last connection */
  readonly #ends: Promise<void>[] = [];
  /** why it does not listen, while that is so */
  failure: string | undefined;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
    this.#crowd = new ConnectionLimit(options.mostConnections);
  }

  /** Listens until `signal` is aborted, then answers what is under way and closes. */
  async run(signal: AbortSignal): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!signal.aborted) {
      const listening = await this.#listen();
      if (listening === undefined) {
        await aborted(signal, pause);
        pause = Math.min(2 * pause, MINUTE);
      } else {
        pause = FIRST_PAUSE;
        await this.#untilLost(listening, signal);
        // Removes the socket file, too.
        this.#ends.push(new Promise((resolve) => listening.server.close(() => resolve())));
      }
    }
    await this.#end();
  }

  async #listen(): Promise<Listening | undefined> {
    const { listen, group, log } = this.#options;
    try {
      const listening = await this.#open();
      this.failure = undefined;
      log.info(
        dropUndefined({ listen: addressText(listen), group: group ? group : undefined }),
        'policy service',
      );
      return listening;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    const { listen, log } = this.#options;
    const failure = listenFailure(listen, error);
    if (failure !== this.failure)
      log.error({ error: failure }, 'no policy service, will try again');
    this.failure = failure;
  }

  /** Resolves when the signal is aborted, or when the socket is gone and its place free for another. */
  async #untilLost({ mark }: Listening, signal: AbortSignal): Promise<void> {
    const { listen, log, lookAgain = MINUTE } = this.#options;
    for (;;) {
      await aborted(signal, lookAgain);
      if (signal.aborted) return;
      if (isInPlace(listen, mark)) {
        this.failure = undefined;
        continue;
      }
      try {
        // Before ours is closed: that would delete whatever has taken its place.
        await prepare(listen);
        log.warn({ listen: addressText(listen) }, 'policy service: somebody deleted the socket');
        return;
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** Throws when it cannot listen, or could not be reached. */
  async #open(): Promise<Listening> {
    const { listen, group, log } = this.#options;
    const address = await prepare(listen);
    const server = createServer((socket) => this.#take(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => resolve());
    });
    server.on('error', (error) =>
      log.warn({ error: getMessage(error) }, 'policy service: a connection was not taken'),
    );
    try {
      openTo(listen, group);
      return { server, mark: socketMark(listen) };
    } catch (error) {
      server.close();
      throw error;
    }
  }

  #take(socket: Socket): void {
    const connection = serve(socket, (request) => {
      this.#crowd.used(connection);
      return this.#decide(request);
    });
    socket.once('close', () => this.#crowd.remove(connection));
    if (this.#crowd.add(connection)) this.#sayCrowded();
  }

  #sayCrowded(): void {
    const now = performance.now();
    if (now - this.#saidCrowded < MINUTE) return;
    this.#saidCrowded = now;
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

  /** No server takes connections any more. Those that there are end soon. */
  async #end(): Promise<void> {
    const timer = setTimeout(() => {
      this.#crowd.destroy();
    }, GRACE);
    this.#crowd.end();
    await Promise.all(this.#ends);
    clearTimeout(timer);
  }
}

/** Resolves when the signal is aborted, after `ms` at the latest. */
function aborted(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
