/**
 * The policy service: listens where the mail server asks, for as long as the daemon lives. A place where it cannot
 * listen is tried again with growing pauses: mail flows meanwhile, since the mail server takes no answer for DUNNO.
 * Nothing that a peer sends ends it, and an error in deciding is DUNNO, too.
 */
import { createServer, type Server } from 'node:net';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MINUTE, SECOND } from '../base/time.ts';
import { addressText, type ListenAddress } from './address.ts';
import { DUNNO } from './blocklist.ts';
import { type Connection, type Decide, serve } from './connection.ts';
import { listenFailure, openTo, prepare } from './socket.ts';

export interface PolicyServerOptions {
  readonly listen: ListenAddress;
  /** group that may connect to the unix socket; undefined: whom its folder lets in */
  readonly group?: string | undefined;
  readonly decide: Decide;
  readonly log: Log;
}

/** More smtpd processes than any installation has; each keeps a connection. */
const MOST_CONNECTIONS = 5000;
/** What is under way at the end may take this long, ms. */
const GRACE = 500;
const FIRST_PAUSE = SECOND;

export class PolicyServer {
  readonly #options: PolicyServerOptions;
  readonly #connections = new Set<Connection>();
  /** why it does not listen, while that is so */
  failure: string | undefined;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
  }

  /** Listens until `signal` is aborted, then answers what is under way and closes. */
  async run(signal: AbortSignal): Promise<void> {
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(2 * pause, MINUTE)) {
      const server = await this.#listen();
      if (server !== undefined) {
        await aborted(signal);
        return await this.#close(server);
      }
      await aborted(signal, pause);
    }
  }

  async #listen(): Promise<Server | undefined> {
    const { listen, group, log } = this.#options;
    try {
      const server = await this.#open();
      this.failure = undefined;
      log.info({ listen: addressText(listen), ...(group ? { group } : {}) }, 'policy service');
      return server;
    } catch (error) {
      const failure = listenFailure(listen, error);
      if (failure !== this.failure)
        log.error({ error: failure }, 'no policy service, will try again');
      this.failure = failure;
      return undefined;
    }
  }

  /** Throws when it cannot listen, or could not be reached. */
  async #open(): Promise<Server> {
    const { listen, group, log } = this.#options;
    const address = await prepare(listen);
    const server = createServer((socket) => {
      const connection = serve(socket, (request) => this.#decide(request));
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
    server.maxConnections = MOST_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => resolve());
    });
    server.on('error', (error) =>
      log.warn({ error: messageOf(error) }, 'policy service: a connection was not taken'),
    );
    try {
      openTo(listen, group);
      return server;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  #decide(request: Parameters<Decide>[0]): string {
    try {
      return this.#options.decide(request);
    } catch (error) {
      this.#options.log.error({ error: messageOf(error) }, 'policy service: answered DUNNO');
      return DUNNO;
    }
  }

  /** Closing a server removes its socket file. */
  #close(server: Server): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const connection of this.#connections) connection.destroy();
      }, GRACE);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      for (const connection of this.#connections) connection.end();
    });
  }
}

/** Resolves when the signal is aborted, after `ms` at the latest. */
function aborted(signal: AbortSignal, ms?: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = ms === undefined ? undefined : setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
