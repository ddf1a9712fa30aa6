/**
 * The policy service: listens where the mail server connects, while the daemon runs. If it cannot listen, it tries
 * again with growing pauses. Mail flows meanwhile, since the mail server takes no answer for DUNNO. A socket that
 * somebody deletes is made again; open connections are kept.
 * Nothing that a peer sends ends the service. If deciding fails, the answer is DUNNO.
 */

import type { Socket } from 'node:net';
import { getMessage } from '../base/errors.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import { Listener } from '../base/listener.ts';
import type { Log } from '../base/log.ts';
import { accessForGroup } from '../base/socket.ts';
import { MINUTE } from '../base/time.ts';
import { DUNNO } from './blocklist.ts';
import { type Decide, serve } from './connection.ts';
import { ConnectionLimit } from './connection-limit.ts';

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

/** How long connections may take to finish when the service ends, ms. */
const LONGEST_END = 500;

export class PolicyServer {
  readonly #options: PolicyServerOptions;
  #answer: Decide;
  readonly #connections: ConnectionLimit;
  readonly #listener: Listener;
  /** ms on the process's clock: when it was last logged that connections had to be closed */
  #limitLogged = Number.NEGATIVE_INFINITY;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
    this.#answer = options.decide;
    this.#connections = new ConnectionLimit(options.mostConnections);
    const { listen, group, log, lookAgain } = options;
    this.#listener = new Listener({
      name: 'policy service',
      address: listen,
      // All that the socket reveals is whether an account is blocked.
      access: accessForGroup(group),
      settings: 'policy.listen and policy.group',
      onConnection: (socket) => this.#serve(socket),
      log,
      lookAgain,
    });
  }

  /** Where it listens and who may connect, as a text. */
  get name(): string {
    const { listen, group } = this.#options;
    return JSON.stringify([listen, group]);
  }

  /** Answers from now on as `other` would, also on connections that are open. */
  answerLike(other: PolicyServer): void {
    this.#answer = other.#answer;
  }

  /** why it does not listen, while that is so */
  get failure(): string | undefined {
    return this.#listener.failure;
  }

  /** Listens until `signal` is aborted, then answers what is under way and closes. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#listener.run(signal);
    await this.#end();
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
      return this.#answer(request);
    } catch (error) {
      this.#options.log.error({ error: getMessage(error) }, 'policy service: answered DUNNO');
      return DUNNO;
    }
  }

  /** No server accepts connections any more; the open ones end soon. */
  async #end(): Promise<void> {
    const timer = setTimeout(() => this.#connections.destroy(), LONGEST_END);
    this.#connections.end();
    await this.#listener.waitForConnections();
    clearTimeout(timer);
  }
}
