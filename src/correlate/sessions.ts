/**
 * SMTP sessions of Postfix, by the process that serves them: one at a time for each pid.
 * Before 3.10 a `NOQUEUE: reject` does not name the SASL user; the `client=` line of the same session does.
 * Bounded, whatever the log invents; a commit writes only the parts that changed.
 */
import { RenewedMap } from '../base/renewed-map.ts';
import type { MailEvent } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type { Client } from '../model/record.ts';
import { copyEvent } from './message.ts';
import type { ReadPart, StatePart } from './saved-map.ts';

export interface Session {
  /** SASL user, once a `client=` line proved the login */
  user?: string | undefined;
  /** the client's address in that line */
  address?: string | undefined;
  /** the client of a before-queue proxy, whose own lines do not name it */
  client?: Client | undefined;
  /** queue ID of the open transaction */
  queueId?: string | undefined;
  /** rejections without a submitter, which become events again when the user is known */
  unclaimed: MailEvent[];
  /** time of the newest line, ms */
  touched: number;
}

const MAX_SESSIONS = 10_000;
/** Rejections that one session keeps; it has no more than a few before its first `client=`. */
const MAX_UNCLAIMED = 200;
/** Rejections that all sessions keep together. */
const MAX_UNCLAIMED_OVERALL = 5000;
/** Characters of the longest rejection that is kept. */
const LONGEST_UNCLAIMED = 4096;
/** Parts in which sessions are saved: as many as a number has bits. */
const PARTS = 32;
/** With more groups than this, those without a session are forgotten. */
const MAX_GROUPS = 1000;
/** Of all sessions that keep no rejection, as most do. Nothing is ever added to it. */
const NONE: MailEvent[] = [];

export class Sessions {
  /** by `HOST INSTANCE `; nearly all lines of a log have the same */
  readonly #groups = new Map<string, SessionGroup>();
  #last: SessionGroup = { host: '', instance: '', name: '', byPid: new RenewedMap() };
  #sweepAt = MAX_GROUPS;
  #size = 0;
  /** a bit for each part whose sessions changed */
  #dirty = 0;
  #unclaimed = 0;
  /** sessions whose rejections still share memory with the lines of this batch; some are over, some are there twice */
  #uncopied: Session[] = [];

  /** The session of this line; a new one if there was none. */
  open(line: LoggedLine): Session {
    const group = this.#findGroup(line.host, line.instance);
    const { pid } = line;
    let session = group.byPid.get(pid);
    if (session === undefined) {
      session = newSession(line.time);
      group.byPid.set(ownCopy(pid), session);
      if (++this.#size > MAX_SESSIONS) this.#dropOldest();
    }
    session.touched = line.time;
    this.#dirty |= 1 << getPart(pid);
    return session;
  }

  /** The session of this line, if one is open. */
  find(line: LoggedLine): Session | undefined {
    return this.#findGroup(line.host, line.instance).byPid.get(line.pid);
  }

  /** Ends the session of this line and returns it. */
  end(line: LoggedLine): Session | undefined {
    const group = this.#findGroup(line.host, line.instance);
    const session = group.byPid.get(line.pid);
    if (session !== undefined) this.#drop(group, line.pid, session);
    return session;
  }

  /** Keeps a rejection until the user of its session is known. */
  keepUnclaimed(line: LoggedLine, event: MailEvent): void {
    const session = this.open(line);
    if (session.unclaimed.length >= MAX_UNCLAIMED || measureSession(event) > LONGEST_UNCLAIMED)
      return;
    if (session.unclaimed === NONE) session.unclaimed = [event];
    else session.unclaimed.push(event);
    this.#uncopied.push(session);
    if (++this.#unclaimed > MAX_UNCLAIMED_OVERALL) this.#forgetUnclaimed();
  }

  /** The rejections that the session kept, if they are from its client. It keeps them no longer. */
  takeUnclaimed(session: Session): readonly MailEvent[] {
    const { unclaimed, address } = session;
    this.#unclaimed -= unclaimed.length;
    session.unclaimed = NONE;
    return unclaimed.filter((event) => isSameClient(address, event.client?.address));
  }

  /**
   * Call it at the end of a batch of lines: it copies the rejections that are kept, so that the lines can be freed.
   * Most sessions are over by then; to copy each rejection at once cost 1 us a rejection.
   */
  copyUnclaimed(): void {
    if (this.#uncopied.length === 0) return;
    const open = this.#uncopied.filter(({ unclaimed }) => unclaimed.length > 0);
    for (const session of new Set(open)) {
      session.unclaimed = session.unclaimed.map((event) => copyEvent(event));
    }
    this.#uncopied = [];
  }

  /** The parts that changed since the last call. */
  takeChanges(): StatePart[] {
    if (this.#dirty === 0) return [];
    const parts = new Map<number, [string, Session][]>();
    for (let part = 0; part < PARTS; part++) {
      if ((this.#dirty & (1 << part)) !== 0) parts.set(part, []);
    }
    for (const { name, byPid } of this.#groups.values()) {
      for (const [pid, session] of byPid) parts.get(getPart(pid))?.push([name + pid, session]);
    }
    this.#dirty = 0;
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
    const group = this.#findGroup(key.slice(0, first), key.slice(first + 1, second));
    group.byPid.set(key.slice(second + 1), session);
    this.#size++;
    this.#unclaimed += session.unclaimed.length;
  }

  #findGroup(host: string, instance: string): SessionGroup {
    const last = this.#last;
    if (last.host === host && last.instance === instance) return last;
    const name = `${host} ${instance} `;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { host, instance, name, byPid: new RenewedMap() };
      this.#groups.set(name, group);
      if (this.#groups.size > this.#sweepAt) this.#dropEmpty(group);
    }
    this.#last = group;
    return group;
  }

  #drop({ byPid }: SessionGroup, pid: string, session: Session): void {
    byPid.delete(pid);
    this.#size--;
    this.#unclaimed -= session.unclaimed.length;
    session.unclaimed = NONE;
    this.#dirty |= 1 << getPart(pid);
  }

  #dropOldest(): void {
    for (const group of this.#groups.values()) {
      for (const [pid, session] of group.byPid) {
        if (this.#size <= MAX_SESSIONS / 2) return;
        this.#drop(group, pid, session);
      }
    }
  }

  /** A log may invent any number of hosts. Cheap: the next call comes only when the number has doubled. */
  #dropEmpty(kept: SessionGroup): void {
    for (const [name, group] of this.#groups) {
      if (group !== kept && group.byPid.size === 0) this.#groups.delete(name);
    }
    this.#sweepAt = Math.max(MAX_GROUPS, 2 * this.#groups.size);
  }

  /** The oldest sessions lose the rejections that they keep. */
  #forgetUnclaimed(): void {
    for (const { byPid } of this.#groups.values()) {
      for (const [pid, session] of byPid) {
        if (this.#unclaimed <= MAX_UNCLAIMED_OVERALL / 2) return;
        if (session.unclaimed.length === 0) continue;
        this.takeUnclaimed(session);
        this.#dirty |= 1 << getPart(pid);
      }
    }
  }
}

/** The sessions of one instance of Postfix. */
interface SessionGroup {
  readonly host: string;
  readonly instance: string;
  /** `HOST INSTANCE ` */
  readonly name: string;
  readonly byPid: RenewedMap<string, Session>;
}

/**
 * Whether two lines can belong to one session. A process serves one client after another. If the log lost the lines
 * between two of them (rate limit, filter, kill), only the address distinguishes them.
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
    unclaimed: NONE,
    touched,
  };
}

function measureSession({ sender, recipient, reply }: MailEvent): number {
  return (sender?.length ?? 0) + (recipient?.length ?? 0) + (reply?.length ?? 0);
}

/** By the last digits, which vary most. */
function getPart(pid: string): number {
  const last = pid.length - 1;
  return last < 1 ? 0 : (pid.charCodeAt(last) + 7 * pid.charCodeAt(last - 1)) % PARTS;
}
