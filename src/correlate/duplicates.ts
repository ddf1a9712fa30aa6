/**
 * Lines and refusals that must count once: a line that was written twice, a recipient that was refused at RCPT time
 * and whose bounce follows, a recipient that a client tries again.
 */
import { DAY, MINUTE, SECOND } from '../base/time.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import { digest, type ReadPart, SavedMap, type StatePart } from './saved-map.ts';

const MAX_LINES = 20_000;
const MAX_REFUSED = 30_000;
const MAX_WRITERS = 100;

/**
 * Exim writes a rejection to the main log and to the reject log, and to syslog twice. A line is a duplicate if the same
 * text with the same time came before from another source or, in syslog, from the same process.
 */
export class DuplicateLines {
  readonly #seen = new SavedMap<readonly string[]>('copies', MAX_LINES);
  readonly #singleSource: boolean;

  /** `singleSource`: no second source can have a duplicate, so nothing is remembered (10 % of a replay for Exim). */
  constructor(singleSource = false) {
    this.#singleSource = singleSource;
  }

  /** True for every second writing of a line. */
  isDuplicate(line: LoggedLine): boolean {
    const { host, time, text, at, pid } = line;
    if (this.#singleSource && host === '') return false;
    const key = digest(`${host} ${Math.floor(time / SECOND)} ${text}`);
    const writer = host === '' ? at.source : `${at.source} ${pid}`;
    const writers = this.#seen.get(key) ?? [];
    const index =
      host === '' ? writers.findIndex((other) => other !== writer) : writers.indexOf(writer);
    this.#seen.set(key, index < 0 ? addWriter(writers, writer) : writers.toSpliced(index, 1));
    return index >= 0;
  }

  /** All of it is saved: a restart, and a whole file of other lines, may come between the two writings of one line. */
  takeChanges(): StatePart[] {
    return this.#seen.takeChanges();
  }

  load(read: ReadPart): void {
    this.#seen.load(read);
  }
}

function addWriter(writers: readonly string[], writer: string): readonly string[] {
  return writers.length < MAX_WRITERS ? [...writers, ownCopy(writer)] : writers;
}

/** How long after a refusal at RCPT time a bounce still belongs to it. */
const BOUNCE_FOLLOWS = 60 * MINUTE;
/** How long a client may try a temporarily refused recipient again. */
const CLIENT_RETRIES = 5 * DAY;

/** Refused recipients, by submitter or client. */
export class RefusedRecipients {
  readonly #refused = new SavedMap<number>('refused', MAX_REFUSED);

  /** Remembers a refusal at `time` (ms). True if it is temporary and was already counted: the client tries again. */
  add(who: string, recipient: string, time: number, temporary: boolean): boolean {
    const key = `${who} ${recipient.toLowerCase()}`;
    const before = this.#refused.get(key);
    this.#refused.set(key, time);
    return temporary && before !== undefined && time - before < CLIENT_RETRIES;
  }

  /** True, once, if a bounce for mail accepted at `accepted` (ms) follows a refusal that was counted. */
  take(who: string, recipient: string, accepted: number): boolean {
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
