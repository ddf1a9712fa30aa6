/**
 * SMTP callouts: which server is asked, over which connection, and how many at a time. The servers of a domain are asked
 * in order until one answers.
 */
import type { Log } from '../base/log.ts';
import { type Clock, SECOND } from '../base/time.ts';
import type { Target } from './connection.ts';
import { Hosts, type MxResolver } from './hosts.ts';
import type { CalloutOptions } from './options.ts';
import { Places } from './places.ts';
import { formatServer, type Server } from './server.ts';
import { openSession, Session } from './session.ts';
import { type ServerTrouble, Trouble } from './trouble.ts';
import { type Answer, type Unknown, unknown } from './verdict.ts';

/** How long a session waits for another question, ms. Back ends wait for minutes, but it takes one of their places. */
const IDLE = 10 * SECOND;
/** Questions that may wait for a place; more are not decided. */
const MOST_WAITING = 2000;

interface Idle {
  readonly session: Session;
  readonly timer: NodeJS.Timeout;
}

interface Lane {
  readonly places: Places;
  readonly idle: Idle[];
}

export interface CalloutParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: MxResolver;
}

export class Callouts {
  readonly #options: CalloutOptions;
  readonly #hosts: Hosts;
  readonly #trouble: Trouble;
  readonly #all: Places;
  readonly #lanes = new Map<string, Lane>();
  #isClosed = false;

  constructor(options: CalloutOptions, { clock, log, resolver }: CalloutParts) {
    this.#options = options;
    this.#hosts = new Hosts(clock, resolver, options.preferIpVersion);
    this.#trouble = new Trouble(clock, log, options.backoff);
    this.#all = new Places(options.inAll, MOST_WAITING);
  }

  /** Asks the servers in order; `patience`: ms to wait for a place. Never rejects. */
  async ask(servers: readonly Server[], address: string, patience: number): Promise<Answer> {
    let last: Unknown | undefined;
    for (const server of servers) {
      const name = formatServer(server);
      if (!this.#trouble.mayAsk(name)) {
        last ??= unknown('connect', `${name} did not answer before`);
        continue;
      }
      const answer = await this.#askServer(server, name, address, patience);
      if (!isTrouble(answer)) return answer;
      last = answer;
    }
    return last ?? unknown('connect', 'there is no server');
  }

  /** Servers that do not answer. */
  troubles(): ServerTrouble[] {
    return this.#trouble.list();
  }

  /** Ends the connections that wait. */
  close(): void {
    this.#isClosed = true;
    for (const { idle } of this.#lanes.values()) {
      for (const { session, timer } of idle.splice(0)) {
        clearTimeout(timer);
        session.close();
      }
    }
  }

  async #askServer(
    server: Server,
    name: string,
    address: string,
    patience: number,
  ): Promise<Answer> {
    const lane = this.#lane(name);
    if (!(await lane.places.enter(patience)))
      return unknown('connect', `too many callouts to ${name}`);
    try {
      if (!(await this.#all.enter(patience))) return unknown('connect', 'too many callouts');
      try {
        const answer = await this.#converse(server, lane, address);
        if (isTrouble(answer)) this.#trouble.failed(name, answer);
        else this.#trouble.succeeded(name);
        return answer;
      } finally {
        this.#all.leave();
      }
    } finally {
      lane.places.leave();
    }
  }

  /** Over a session that waits, or a new one. A server may have closed one that waited: then a new one is opened. */
  async #converse(server: Server, lane: Lane, address: string): Promise<Answer> {
    const waiting = takeIdle(lane);
    if (waiting !== undefined) {
      const answer = await this.#question(waiting, lane, address);
      if (waiting.isUsable || !isTrouble(answer)) return answer;
    }
    const session = await this.#open(server);
    return session instanceof Session ? await this.#question(session, lane, address) : session;
  }

  async #question(session: Session, lane: Lane, address: string): Promise<Answer> {
    const answer = await session.ask(address);
    if (session.isUsable && !this.#isClosed) this.#keep(session, lane);
    else session.close();
    return answer;
  }

  async #open(server: Server): Promise<Session | Unknown> {
    const targets = await this.#hosts.find(server);
    if (typeof targets === 'string') return unknown('lookup', targets);
    let last: Unknown | undefined;
    for (const target of targets) {
      const session = await openSession(target, this.#options);
      if (session instanceof Session) return session;
      last = { ...session, reason: `${describe(target)}: ${session.reason}` };
    }
    return last ?? unknown('lookup', 'there is no address');
  }

  #keep(session: Session, lane: Lane): void {
    const timer = setTimeout(() => {
      lane.idle.splice(lane.idle.indexOf(entry), 1);
      session.close();
    }, IDLE);
    timer.unref();
    const entry = { session, timer };
    lane.idle.push(entry);
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane = { places: new Places(this.#options.perServer, MOST_WAITING), idle: [] };
    this.#lanes.set(name, lane);
    return lane;
  }
}

/** The one that was used last: the others may end. */
function takeIdle(lane: Lane): Session | undefined {
  for (let entry = lane.idle.pop(); entry !== undefined; entry = lane.idle.pop()) {
    clearTimeout(entry.timer);
    if (entry.session.isUsable) return entry.session;
    entry.session.close();
  }
  return undefined;
}

/** Whether the server itself failed: another one may know. */
function isTrouble(answer: Answer): answer is Unknown {
  return answer.kind === 'unknown' && answer.isAnswer !== true;
}

function describe({ address, port }: Target): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
