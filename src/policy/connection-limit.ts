/**
 * The connections that there are, no more than the process can afford: when one more comes, the one that has been
 * unused longest makes way. So nobody on this machine who may connect can keep a mail server from being answered,
 * which simply connects again, and descriptors are left for log and database.
 */
import { readFileSync } from 'node:fs';
import type { Connection } from './connection.ts';

/** More smtpd processes than any installation has; each keeps a connection. */
const MOST = 5000;
/** What a process may open when the system does not tell. */
const USUAL_LIMIT = 1024;

export class ConnectionLimit {
  readonly #most: number;
  /** in the order of their last use */
  readonly #connections = new Set<Connection>();

  constructor(most = affordable()) {
    this.#most = most;
  }

  /** Takes one more; gives whether another had to make way for it. */
  add(connection: Connection): boolean {
    this.#connections.add(connection);
    if (this.#connections.size <= this.#most) return false;
    const [unused] = this.#connections;
    if (unused === undefined) return false;
    this.#connections.delete(unused);
    unused.destroy();
    return true;
  }

  /** It has asked. */
  used(connection: Connection): void {
    if (this.#connections.delete(connection)) this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Ends them once what has begun to arrive is answered. */
  end(): void {
    for (const connection of this.#connections) connection.end();
  }

  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

/** Half of the descriptors that this process may open (proc(5), /proc/PID/limits). */
function affordable(): number {
  return Math.min(MOST, Math.floor(descriptorLimit() / 2));
}

function descriptorLimit(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return Number(soft?.[1] ?? USUAL_LIMIT);
  } catch {
    return USUAL_LIMIT;
  }
}
