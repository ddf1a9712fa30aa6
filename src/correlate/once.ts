/**
 * Things that must count once: a log line that was written twice, a recipient refused at RCPT time whose bounce
 * follows, a refusal that a client comes back for.
 */
import { MINUTE, SECOND } from '../base/time.ts';
import type { LoggedLine } from '../model/line.ts';
import { ownCopy } from '../model/line.ts';

const MAX_REMEMBERED = 50_000;

/**
 * Exim writes a rejection to the main and to the reject log, and to syslog twice. A line is a copy when the same
 * text, with the same time, came before from another source or, in syslog, from the same process.
 */
export class LineCopies {
  #seen = new Map<string, string[]>();

  /** True for the second and later writing of one line. */
  isCopy(line: LoggedLine): boolean {
    const key = `${line.host} ${Math.floor(line.time / SECOND)} ${line.text}`;
    const writer = line.host === '' ? line.at.source : `${line.at.source} ${line.pid}`;
    const writers = this.#seen.get(key);
    if (writers === undefined) {
      this.#remember(key, writer);
      return false;
    }
    if (line.host !== '') return takeOne(writers, writer) || keep(writers, writer);
    return takeOther(writers, writer) || keep(writers, writer);
  }

  /** The newest lines, so that a restart between the two writings of one line does not count it twice. */
  save(): unknown {
    return [...this.#seen].slice(-500);
  }

  load(state: readonly (readonly [string, string[]])[]): void {
    this.#seen = new Map(state.map(([key, writers]) => [key, [...writers]]));
  }

  #remember(key: string, writer: string): void {
    if (this.#seen.size >= MAX_REMEMBERED) dropOldest(this.#seen, MAX_REMEMBERED / 2);
    this.#seen.set(ownCopy(key), [writer]);
  }
}

/** Syslog: the same process wrote the same text; each first writing has one copy. */
function takeOne(writers: string[], writer: string): boolean {
  const index = writers.indexOf(writer);
  if (index < 0) return false;
  writers.splice(index, 1);
  return true;
}

/** Files: a writing in another file is the same event; each is taken once. */
function takeOther(writers: string[], writer: string): boolean {
  const index = writers.findIndex((other) => other !== writer);
  if (index < 0) return false;
  writers.splice(index, 1);
  return true;
}

function keep(writers: string[], writer: string): boolean {
  if (writers.length < 1000) writers.push(writer);
  return false;
}

/** How long after a refusal at RCPT time a bounce still belongs to it, and how long a client may come back. */
const BOUNCE_FOLLOWS = 60 * MINUTE;
const CLIENT_RETRIES = 5 * 24 * 60 * MINUTE;

/** Refused recipients by who was refused. */
export class RefusedRecipients {
  #refused = new Map<string, number>();

  /** Remembers a refusal at `time`; true when a temporary one was already counted (the client tries again). */
  refuse(who: string, recipient: string, time: number, temporary: boolean): boolean {
    const key = `${who} ${recipient.toLowerCase()}`;
    const before = this.#refused.get(key);
    if (before === undefined && this.#refused.size >= MAX_REMEMBERED) {
      dropOldest(this.#refused, MAX_REMEMBERED / 2);
    }
    this.#refused.set(ownCopy(key), time);
    return temporary && before !== undefined && time - before < CLIENT_RETRIES;
  }

  /** True, once, when a bounce for mail accepted at `accepted` follows a refusal that was counted. */
  bounceFollows(who: string, recipient: string, accepted: number): boolean {
    const key = `${who} ${recipient.toLowerCase()}`;
    const refused = this.#refused.get(key);
    if (refused === undefined || Math.abs(accepted - refused) > BOUNCE_FOLLOWS) return false;
    this.#refused.delete(key);
    return true;
  }

  save(): unknown {
    return [...this.#refused].slice(-5000);
  }

  load(state: readonly (readonly [string, number])[]): void {
    this.#refused = new Map(state);
  }
}

function dropOldest(map: Map<string, unknown>, keepCount: number): void {
  for (const key of map.keys()) {
    if (map.size <= keepCount) return;
    map.delete(key);
  }
}
