/**
 * Things that must count once: a log line that was written twice, a recipient refused at RCPT time whose bounce
 * follows, a refusal that a client comes back for.
 */
import { MINUTE, SECOND } from '../base/time.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import { digest, type ReadPart, SavedMap, type StatePart } from './ledger.ts';

const MAX_LINES = 20_000;
const MAX_REFUSED = 30_000;
const MAX_WRITERS = 100;

/**
 * Exim writes a rejection to the main and to the reject log, and to syslog twice. A line is a copy when the same
 * text, with the same time, came before from another source or, in syslog, from the same process.
 */
export class LineCopies {
  readonly #seen = new SavedMap<readonly string[]>('copies', MAX_LINES);
  readonly #sole: boolean;

  /** `sole`: all lines are from one source, so that no second one can have a copy (10 % of a replay for Exim). */
  constructor(sole = false) {
    this.#sole = sole;
  }

  /** True for the second and later writing of one line. */
  isCopy(line: LoggedLine): boolean {
    const { host, time, text, at, pid } = line;
    if (this.#sole && host === '') return false;
    const key = digest(`${host} ${Math.floor(time / SECOND)} ${text}`);
    const writer = host === '' ? at.source : `${at.source} ${pid}`;
    const writers = this.#seen.get(key) ?? [];
    const index =
      host === '' ? writers.findIndex((other) => other !== writer) : writers.indexOf(writer);
    this.#seen.set(key, index < 0 ? withOne(writers, writer) : writers.toSpliced(index, 1));
    return index >= 0;
  }

  /** All of it: between the two writings of one line there may be a restart, and a whole file of others. */
  takeChanges(): StatePart[] {
    return this.#seen.takeChanges();
  }

  load(read: ReadPart): void {
    this.#seen.load(read);
  }
}

function withOne(writers: readonly string[], writer: string): readonly string[] {
  return writers.length < MAX_WRITERS ? [...writers, ownCopy(writer)] : writers;
}

/** How long after a refusal at RCPT time a bounce still belongs to it, and how long a client may come back. */
const BOUNCE_FOLLOWS = 60 * MINUTE;
const CLIENT_RETRIES = 5 * 24 * 60 * MINUTE;

/** Refused recipients by who was refused. */
export class RefusedRecipients {
  readonly #refused = new SavedMap<number>('refused', MAX_REFUSED);

  /** Remembers a refusal at `time`; true when a temporary one was already counted (the client tries again). */
  refuse(who: string, recipient: string, time: number, temporary: boolean): boolean {
    const key = `${who} ${recipient.toLowerCase()}`;
    const before = this.#refused.get(key);
    this.#refused.set(key, time);
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

  takeChanges(): StatePart[] {
    return this.#refused.takeChanges();
  }

  load(read: ReadPart): void {
    this.#refused.load(read);
  }
}
