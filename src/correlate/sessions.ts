/**
 * SMTP sessions of Postfix, by the process that serves them: one at a time for each pid.
 * Before 3.10 a `NOQUEUE: reject` does not name the SASL user; the `client=` line of the same session does.
 * Bounded whatever the log makes up; a commit writes only the parts of them that changed.
 */
import type { MailEvent } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type { Client } from '../model/record.ts';
import type { ReadPart, StatePart } from './ledger.ts';
import { keptEvent } from './message.ts';

export interface Session {
  /** SASL user, once a `client=` line proved the login, and the address that it named */
  user?: string | undefined;
  address?: string | undefined;
  /** the client of a before-queue proxy, whose own lines do not name it */
  client?: Client | undefined;
  /** queue ID of the transaction that is open */
  queueId?: string | undefined;
  /** rejections given without a submitter, to be given again when the user is known */
  unclaimed: MailEvent[];
  touched: number;
}

const MAX_SESSIONS = 10_000;
/** Refusals of one session that can still be charged; a session has no more than a few before its first `client=`. */
const MAX_UNCLAIMED = 200;
/** The same over all sessions, and the longest one worth keeping, in characters. */
const MAX_UNCLAIMED_OVERALL = 5000;
const LONGEST_UNCLAIMED = 4096;
/** Parts in which they are saved. */
const PARTS = 32;
/** Instances of which none has a session are forgotten beyond this. */
const MAX_GROUPS = 1000;

export class Sessions {
  /** by `HOST INSTANCE `, then by pid: nearly all lines of a log have the same of the first */
  readonly #groups = new Map<string, Group>();
  #last: Group = { host: '', instance: '', name: '', byPid: new Map() };
  #sweepAt = MAX_GROUPS;
  #size = 0;
  readonly #dirty = new Set<number>();
  #unclaimed = 0;
  /** sessions with rejections that still share memory with the lines of this batch */
  #loose: Session[] = [];

  /** The session that this line belongs to, opened if there was none. */
  of(line: LoggedLine): Session {
    const group = this.#groupOf(line.host, line.instance);
    const { pid } = line;
    let session = group.byPid.get(pid);
    if (session === undefined) {
      session = newSession(line.time);
      group.byPid.set(ownCopy(pid), session);
      if (++this.#size > MAX_SESSIONS) this.#dropOldest();
    }
    session.touched = line.time;
    this.#dirty.add(savePart(pid));
    return session;
  }

  /** The session that this line belongs to, if one is open. */
  find(line: LoggedLine): Session | undefined {
    return this.#groupOf(line.host, line.instance).byPid.get(line.pid);
  }

  /** Ends the session and gives it back. */
  end(line: LoggedLine): Session | undefined {
    const group = this.#groupOf(line.host, line.instance);
    const session = group.byPid.get(line.pid);
    if (session !== undefined) this.#drop(group, line.pid, session);
    return session;
  }

  /** Keeps a rejection for the user who may yet be known. */
  keepUnclaimed(line: LoggedLine, event: MailEvent): void {
    const session = this.of(line);
    if (session.unclaimed.length >= MAX_UNCLAIMED || measureSession(event) > LONGEST_UNCLAIMED)
      return;
    session.unclaimed.push(event);
    this.#loose.push(session);
    if (++this.#unclaimed > MAX_UNCLAIMED_OVERALL) this.#forgetUnclaimed();
  }

  /** The rejections that were kept, as far as they are this client's; they are no longer. */
  claim(session: Session): readonly MailEvent[] {
    const { unclaimed, address } = session;
    this.#unclaimed -= unclaimed.length;
    session.unclaimed = [];
    return unclaimed.filter((event) => isSameClient(address, event.client?.address));
  }

  /**
   * To be called at the end of a batch of lines: what is kept gets memory of its own. Most sessions are over by
   * then, and copying each refusal at once cost 1 us a refusal.
   */
  settle(): void {
    if (this.#loose.length === 0) return;
    for (const session of new Set(this.#loose)) {
      session.unclaimed = session.unclaimed.map((event) => keptEvent(event));
    }
    this.#loose = [];
  }

  /** The parts that changed since the last call. */
  takeChanges(): StatePart[] {
    if (this.#dirty.size === 0) return [];
    const parts = new Map<number, [string, Session][]>();
    for (const part of this.#dirty) parts.set(part, []);
    for (const { name, byPid } of this.#groups.values()) {
      for (const [pid, session] of byPid) parts.get(savePart(pid))?.push([name + pid, session]);
    }
    this.#dirty.clear();
    return [...parts].map(([part, sessions]) => [`sessions ${part}`, sessions]);
  }

  load(read: ReadPart): void {
    for (let part = 0; part < PARTS; part++) {
      const sessions = (read(`sessions ${part}`) ?? []) as readonly [string, Session][];
      for (const [key, session] of sessions) this.#restore(key, session);
    }
  }

  get size(): number {
    return this.#size;
  }

  #restore(key: string, session: Session): void {
    const first = key.indexOf(' ');
    const second = key.indexOf(' ', first + 1);
    const group = this.#groupOf(key.slice(0, first), key.slice(first + 1, second));
    group.byPid.set(key.slice(second + 1), session);
    this.#size++;
    this.#unclaimed += session.unclaimed.length;
  }

  #groupOf(host: string, instance: string): Group {
    const last = this.#last;
    if (last.host === host && last.instance === instance) return last;
    const name = `${host} ${instance} `;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { host, instance, name, byPid: new Map() };
      this.#groups.set(name, group);
      if (this.#groups.size > this.#sweepAt) this.#dropEmpty(group);
    }
    this.#last = group;
    return group;
  }

  #drop({ byPid }: Group, pid: string, session: Session): void {
    byPid.delete(pid);
    this.#size--;
    this.#unclaimed -= session.unclaimed.length;
    session.unclaimed.length = 0;
    this.#dirty.add(savePart(pid));
  }

  #dropOldest(): void {
    for (const group of this.#groups.values()) {
      for (const [pid, session] of group.byPid) {
        if (this.#size <= MAX_SESSIONS / 2) return;
        this.#drop(group, pid, session);
      }
    }
  }

  /** A log may make up any number of hosts. Cost: those looked at are at most twice those added since the last time. */
  #dropEmpty(but: Group): void {
    for (const [name, group] of this.#groups) {
      if (group !== but && group.byPid.size === 0) this.#groups.delete(name);
    }
    this.#sweepAt = Math.max(MAX_GROUPS, 2 * this.#groups.size);
  }

  /** The oldest sessions lose what nobody has claimed. */
  #forgetUnclaimed(): void {
    for (const { byPid } of this.#groups.values()) {
      for (const [pid, session] of byPid) {
        if (this.#unclaimed <= MAX_UNCLAIMED_OVERALL / 2) return;
        if (session.unclaimed.length === 0) continue;
        this.claim(session);
        this.#dirty.add(savePart(pid));
      }
    }
  }
}

/** The sessions of one instance of Postfix. */
interface Group {
  readonly host: string;
  readonly instance: string;
  /** `HOST INSTANCE ` */
  readonly name: string;
  readonly byPid: Map<string, Session>;
}

/**
 * Whether two lines can be of one session. A process serves one client after the other, and where the log has lost
 * the lines between two of them (rate limits, filters, a kill) only the address tells them apart.
 */
export function isSameClient(one: string | undefined, other: string | undefined): boolean {
  return !one || !other || one === other;
}

/** All keys at once, so that V8 keeps one shape for all sessions. */
function newSession(touched: number): Session {
  return {
    user: undefined,
    address: undefined,
    client: undefined,
    queueId: undefined,
    unclaimed: [],
    touched,
  };
}

function measureSession({ sender, recipient, reply }: MailEvent): number {
  return (sender?.length ?? 0) + (recipient?.length ?? 0) + (reply?.length ?? 0);
}

/** By the last digits, which tell pids apart best. */
function savePart(pid: string): number {
  const last = pid.length - 1;
  return last < 1 ? 0 : (pid.charCodeAt(last) + 7 * pid.charCodeAt(last - 1)) % PARTS;
}
