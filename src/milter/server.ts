/**
 * The milter's sockets and connections. Addresses and handler can be changed while it runs: open sessions go on, the new
 * handler gets the next message of each. At the end the sockets are closed at once, so that another process can take
 * their place, and open sessions are served for some minutes.
 * Nothing that a peer sends ends more than its own connection.
 */
import type { Socket } from 'node:net';
import { dropUndefined } from '../base/defined.ts';
import { readDescriptorLimit } from '../base/descriptors.ts';
import { formatListenAddress, type ListenAddress } from '../base/listen-address.ts';
import { Listener } from '../base/listener.ts';
import type { Log } from '../base/log.ts';
import type { SocketAccess } from '../base/socket.ts';
import { MINUTE } from '../base/time.ts';
import { type Connection, serve } from './connection.ts';
import { createCounters, type MilterCounters } from './counters.ts';
import type { MilterHandler } from './handler.ts';
import { tempfail } from './verdict.ts';

/** Where it listens, and who may connect to its unix sockets. */
export interface MilterPlaces {
  readonly listen: readonly ListenAddress[];
  readonly access: SocketAccess;
}

interface MilterServerOptions {
  readonly handler: MilterHandler;
  readonly log: Log;
  /** default: what the descriptors of this process allow */
  readonly mostConnections?: number;
  /** ms, default a minute: how often to check whether a socket still exists */
  readonly lookAgain?: number;
}

/** State of one address, for `postern status`. */
export interface MilterPlaceState {
  readonly address: string;
  readonly isListening: boolean;
  /** why it does not listen, while that is so */
  readonly failure?: string;
}

/** How long a finding about peers is not logged again, ms. */
const LOG_PAUSE = MINUTE;
/** A connection needs one descriptor, and the work for it perhaps another one. */
const DESCRIPTORS_EACH = 2;
/** Share of the connections beyond the limit that still get a polite answer. */
const POLITE_SHARE = 0.1;

/** For a connection beyond the limit: the client is told to come again, whatever the mail server does without a filter. */
const BUSY: MilterHandler = {
  name: 'busy',
  connect: () => tempfail('4.3.2', 'Too many connections, please try again later', 421),
};

interface Place {
  readonly listener: Listener;
  readonly ending: AbortController;
  readonly done: Promise<void>;
}

export class MilterServer {
  readonly counters: MilterCounters = createCounters();
  readonly #options: MilterServerOptions;
  readonly #most: number;
  readonly #connections = new Set<Connection>();
  readonly #places = new Map<string, Place>();
  readonly #lastLogged = new Map<string, number>();
  #handler: MilterHandler;
  /** one change of the addresses after the other */
  #changes: Promise<void> = Promise.resolve();
  #noteEmpty: (() => void) | undefined;

  constructor(options: MilterServerOptions) {
    this.#options = options;
    this.#handler = options.handler;
    this.#most = options.mostConnections ?? Math.floor(readDescriptorLimit() / DESCRIPTORS_EACH);
  }

  /** The handler for every message that begins from now on. */
  setHandler(handler: MilterHandler): void {
    this.#handler = handler;
  }

  /** Listens at these addresses and at no others; those that it has already are kept as they are. Never throws. */
  listen(places: MilterPlaces): Promise<void> {
    this.#changes = this.#changes.then(() => this.#change(places));
    return this.#changes;
  }

  async #change({ listen, access }: MilterPlaces): Promise<void> {
    const wanted = new Map(listen.map((address) => [placeKey(address, access), address]));
    const old = [...this.#places].filter(([key]) => !wanted.has(key));
    await Promise.all(old.map(([key, place]) => this.#leave(key, place)));
    for (const [key, address] of wanted) {
      if (!this.#places.has(key)) this.#places.set(key, this.#open(address, access));
    }
  }

  /** Where it listens, and where it cannot. */
  listPlaces(): MilterPlaceState[] {
    return [...this.#places].map(([key, { listener }]) => {
      const { isListening, failure } = listener;
      const address = key.split(' ')[0] as string;
      return dropUndefined({ address, isListening, failure });
    });
  }

  /** Whether every address is in use. */
  get isListening(): boolean {
    return [...this.#places.values()].every(({ listener }) => listener.isListening);
  }

  /** Listens no more, and resolves when every session has ended, or after `patience` ms, when those left are cut off. */
  async end(patience: number): Promise<void> {
    await this.listen({ listen: [], access: { mode: 0 } });
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, patience);
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#noteEmpty = resolve;
      });
    }
    clearTimeout(timer);
  }

  #open(address: ListenAddress, access: SocketAccess): Place {
    const { log, lookAgain } = this.#options;
    const listener = new Listener({
      name: 'milter',
      address,
      access,
      settings: 'milter.listen, milter.owner and milter.group',
      onConnection: (socket) => this.#serve(socket),
      log,
      // A mail server whose machine is gone says nothing: its connections must not stay for ever.
      sockets: { noDelay: true, keepAlive: true, keepAliveInitialDelay: MINUTE },
      lookAgain,
    });
    const ending = new AbortController();
    return { listener, ending, done: listener.run(ending.signal) };
  }

  async #leave(key: string, { ending, done }: Place): Promise<void> {
    this.#places.delete(key);
    ending.abort();
    await done;
  }

  #serve(socket: Socket): void {
    const { counters } = this;
    const size = this.#connections.size;
    const isTooMany = size >= this.#most;
    if (isTooMany) this.#refuseOne();
    if (size >= this.#most * (1 + POLITE_SHARE)) return void socket.destroy();
    counters.sessions++;
    const connection = serve(
      socket,
      {
        number: counters.sessions,
        handler: isTooMany ? () => BUSY : () => this.#handler,
        counters,
        log: this.#options.log,
      },
      (why) => this.#logRarely('milter: a connection was ended, not the milter protocol', { why }),
    );
    this.#connections.add(connection);
    counters.open = this.#connections.size;
    socket.once('close', () => this.#forget(connection));
  }

  #refuseOne(): void {
    this.counters.refusedConnections++;
    const data = { most: this.#most };
    this.#logRarely('milter: too many connections, refusing new ones for now', data);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    this.counters.open = this.#connections.size;
    if (this.#connections.size === 0) this.#noteEmpty?.();
  }

  /** A peer may cause the same finding any number of times a second. */
  #logRarely(message: string, data: object): void {
    const now = performance.now();
    if (now - (this.#lastLogged.get(message) ?? Number.NEGATIVE_INFINITY) < LOG_PAUSE) return;
    this.#lastLogged.set(message, now);
    this.#options.log.warn(data, message);
  }
}

/** A socket whose owner, group or mode is to be another one is made again. */
function placeKey(address: ListenAddress, { owner = '', group = '', mode }: SocketAccess): string {
  const access = address.kind === 'unix' ? ` ${owner}:${group}:${mode.toString(8)}` : '';
  return `${formatListenAddress(address)}${access}`;
}
