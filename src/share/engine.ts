/**
 * The connection to the engine (Redis 7.0 or later, Valkey). One attempt a call: who calls decides when to try again.
 * A call that has no answer in time counts as failed and closes the connection, also when the engine may still do what
 * it was asked: everything that is sent may be sent again.
 */
import { createHash } from 'node:crypto';
import { getMessage } from '../base/errors.ts';
import { encodeBatch, type Row, type SharedRule, SKEW } from './batch.ts';
import { type EngineAddress, EngineConnection } from './connection.ts';
import { ReplyError } from './reply.ts';
import { BATCH_SCRIPT } from './script.ts';

export interface EngineOptions extends EngineAddress {
  /** this host's name in the engine */
  readonly host: string;
  /** ms that a call may take; default 2 s */
  readonly timeout?: number;
}

/** The engine cannot be used now; the message says why. */
export class EngineError extends Error {}

/** In front of every key. */
export const PREFIX = 'postern:';
const TIMEOUT = 2000;

type Four = [number, number, number, number];

/** What the engine says of a batch. */
export interface Taken {
  /** the engine's clock, ms */
  readonly now: number;
  /** the last row that it had taken before */
  readonly before: number;
  /** rows whose time was too far in the future */
  readonly clamped: number;
  /** events that were not taken, because this host counts too much */
  readonly refused: number;
  /** it has lost rows that it had taken: nothing was done */
  readonly isBehind: boolean;
}

export class Engine {
  readonly #options: EngineOptions;
  #connection: EngineConnection | undefined;
  #isClosed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /**
   * Hands over rows up to number `upto`. `expected`: the last row that the engine is known to have taken. `about`: what
   * other hosts may know of this one. Throws an EngineError.
   */
  async send(
    rows: readonly Row[],
    rules: ReadonlyMap<string, SharedRule>,
    { expected, upto, about }: { expected: number; upto: number; about: object },
  ): Promise<Taken> {
    const args = [PREFIX, this.#options.host, String(expected), String(upto), String(SKEW)];
    const batch = encodeBatch(rows, rules, about);
    const reply = await this.runScript(BATCH_SCRIPT, [...args, batch]);
    const [now, before, clamped, refused] = (reply as unknown[]).map(Number) as Four;
    return { now, before, clamped, refused, isBehind: before < expected };
  }

  /** Runs a script; the engine keeps it. Throws an EngineError. */
  async runScript(script: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.call(['EVALSHA', nameScript(script), '0', ...args]);
    } catch (error) {
      if (!getMessage(error).startsWith('NOSCRIPT')) throw error;
      return await this.call(['EVAL', script, '0', ...args]);
    }
  }

  /** Runs one command. `timeout`: ms that it may take. Throws an EngineError. */
  async call(command: readonly string[], timeout?: number): Promise<unknown> {
    const [reply] = await this.callAll([command], timeout);
    return reply;
  }

  /** Runs commands one after the other, sent together; the replies in their order. Throws an EngineError. */
  async callAll(
    commands: readonly (readonly string[])[],
    timeout = this.#options.timeout ?? TIMEOUT,
  ): Promise<unknown[]> {
    const connection = await this.#connect();
    try {
      const replies = commands.map((command) => connection.send(command));
      return await withTimeout(Promise.all(replies), timeout);
    } catch (error) {
      // A reply of the engine leaves the connection as it is; without one, nothing is known of what comes next.
      if (!(error instanceof ReplyError)) this.#drop(connection);
      throw new EngineError(getMessage(error), { cause: error });
    }
  }

  /** Closes the connection, whatever it is doing. */
  close(): void {
    this.#isClosed = true;
    if (this.#connection !== undefined) this.#drop(this.#connection);
  }

  async #connect(): Promise<EngineConnection> {
    if (this.#isClosed) throw new EngineError('closed');
    if (this.#connection?.isOpen === true) return this.#connection;
    let opened: EngineConnection | undefined;
    try {
      const { connection, ready } = EngineConnection.open(this.#options);
      opened = connection;
      this.#connection = connection;
      await withTimeout(ready, this.#options.timeout ?? TIMEOUT);
      return connection;
    } catch (error) {
      if (opened !== undefined) this.#drop(opened);
      throw new EngineError(getMessage(error), { cause: error });
    }
  }

  #drop(connection: EngineConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection.close();
  }
}

const NAMES = new Map<string, string>();

function nameScript(script: string): string {
  let name = NAMES.get(script);
  if (name === undefined) {
    name = createHash('sha1').update(script).digest('hex');
    NAMES.set(script, name);
  }
  return name;
}

async function withTimeout<T>(work: Promise<T>, timeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeout} ms`)), timeout);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {}); // when it lost the race
  }
}
