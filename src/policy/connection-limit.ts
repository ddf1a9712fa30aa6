/**
 * The open connections, no more than the process can afford: when one more arrives, the one that has been unused
 * longest is closed. So no local account can keep a mail server from being answered (it simply connects again), and
 * descriptors are left for the log and the database.
 */
import { readDescriptorLimit } from '../base/descriptors.ts';
import type { Connection } from './connection.ts';

/** More smtpd processes than any installation has; each keeps a connection. */
const MOST = 5000;

export class ConnectionLimit {
  readonly #most: number;
  /** in the order of their last use */
  readonly #connections = new Set<Connection>();

  constructor(most = computeMost()) {
    this.#most = most;
  }

  /** Adds one more; returns whether another one was closed for it. */
  add(connection: Connection): boolean {
    this.#connections.add(connection);
    if (this.#connections.size <= this.#most) return false;
    const [unused] = this.#connections;
    if (unused === undefined) return false;
    this.#connections.delete(unused);
    unused.destroy();
    return true;
  }

  /** It has sent a request. */
  noteUse(connection: Connection): void {
    if (this.#connections.delete(connection)) this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Ends each connection once the request that has begun to arrive is answered. */
  end(): void {
    for (const connection of this.#connections) connection.end();
  }

  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

/** Half of the descriptors that this process may open. */
function computeMost(): number {
  return Math.min(MOST, Math.floor(readDescriptorLimit() / 2));
}
