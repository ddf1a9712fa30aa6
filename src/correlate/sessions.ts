/**
 * SMTP sessions of Postfix, by the process that serves them: one at a time for each pid.
 * Before 3.10 a `NOQUEUE: reject` does not name the SASL user; the `client=` line of the same session does.
 */
import type { MailEvent } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { Client } from '../model/record.ts';

export interface Session {
  /** SASL user, once a `client=` line proved the login */
  user?: string;
  /** the client of a before-queue proxy, whose own lines do not name it */
  client?: Client;
  /** queue ID of the transaction that is open */
  queueId?: string;
  /** rejections given without a submitter, to be given again when the user is known */
  unclaimed: MailEvent[];
  touched: number;
}

const MAX_SESSIONS = 20_000;
/** Refusals of one session that can still be charged; a session has no more than a few before its first `client=`. */
const MAX_UNCLAIMED = 200;

export class Sessions {
  #sessions = new Map<string, Session>();
  #changed = false;

  /** The session that this line belongs to, opened if there was none. */
  of(line: LoggedLine): Session {
    const key = keyOf(line);
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = { unclaimed: [], touched: line.time };
      this.#sessions.set(key, session);
      if (this.#sessions.size > MAX_SESSIONS) this.#dropOldest();
    }
    session.touched = line.time;
    this.#changed = true;
    return session;
  }

  /** The session that this line belongs to, if one is open. */
  find(line: LoggedLine): Session | undefined {
    return this.#sessions.get(keyOf(line));
  }

  /** Ends the session and gives it back. */
  end(line: LoggedLine): Session | undefined {
    const key = keyOf(line);
    const session = this.#sessions.get(key);
    if (session !== undefined) {
      this.#sessions.delete(key);
      this.#changed = true;
    }
    return session;
  }

  save(): unknown {
    this.#changed = false;
    return [...this.#sessions];
  }

  load(state: readonly (readonly [string, Session])[]): void {
    this.#sessions = new Map(state);
  }

  get changed(): boolean {
    return this.#changed;
  }

  get size(): number {
    return this.#sessions.size;
  }

  #dropOldest(): void {
    for (const key of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS / 2) return;
      this.#sessions.delete(key);
    }
  }
}

/** Keeps a rejection for the user who may yet be known. */
export function keepUnclaimed(session: Session, event: MailEvent): void {
  if (session.unclaimed.length < MAX_UNCLAIMED) session.unclaimed.push(event);
}

function keyOf(line: LoggedLine): string {
  return `${line.host} ${line.instance} ${line.pid}`;
}
