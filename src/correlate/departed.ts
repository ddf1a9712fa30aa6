/**
 * Messages that a pipe(8) delivery took and that left the queue just now. A content filter that re-injects with
 * sendmail is a race: pickup may speak of the mail that came back after qmgr has removed the one that went out.
 * Kept for a minute of log time, bounded in number and in size.
 */
import { MINUTE } from '../base/time.ts';
import type { ReadPart, StatePart } from './ledger.ts';
import { type OpenMessage, weigh } from './message.ts';

/** sendmail leaves the mail in the maildrop queue, pickup looks there at least once a minute. */
const RETURNS_WITHIN = MINUTE;
const MOST = 2000;
/** Bytes, about; what holds more has a sender or a client that no real mail has. */
const HEAVIEST = 8000;

interface Departure {
  readonly message: OpenMessage;
  readonly time: number;
  /** how many messages may still come back for it */
  left: number;
}

export class Departed {
  readonly #departures = new Map<string, Departure>();
  #newest = 0;
  #isChanged = false;

  /** The message left the queue at `time` (ms); passes over one that no pipe(8) took. */
  add(message: OpenMessage, time: number): void {
    const left = message.piped ?? 0;
    if (left <= 0) return;
    const kept = { ...message, outcomes: undefined, outcomeCount: 0, outcomeLength: 0 };
    if (weigh(kept) > HEAVIEST) return;
    if (this.#departures.size >= MOST) this.#dropOld(time);
    this.#departures.set(buildKey(message.host, message.queueId), { message: kept, time, left });
    this.#newest = time;
    this.#isChanged = true;
  }

  /** The message that had this queue ID until a minute before `time`, unless all that it went out as came back. */
  find(host: string, queueId: string, time: number): OpenMessage | undefined {
    const found = this.#departures.get(buildKey(host, queueId));
    if (found === undefined || found.left === 0) return undefined;
    return time - found.time < RETURNS_WITHIN ? found.message : undefined;
  }

  /** One of those that this message went out as has come back. */
  cameBack({ host, queueId }: OpenMessage): void {
    const found = this.#departures.get(buildKey(host, queueId));
    if (found === undefined) return;
    found.left--;
    this.#isChanged = true;
  }

  takeChanges(): StatePart[] {
    if (!this.#isChanged) return [];
    this.#isChanged = false;
    const recent = [...this.#departures].filter(
      ([, { time }]) => this.#newest - time < RETURNS_WITHIN,
    );
    return [['departed', recent]];
  }

  load(read: ReadPart): void {
    const saved = (read('departed') ?? []) as readonly (readonly [string, Departure])[];
    for (const [key, departure] of saved) this.#departures.set(key, departure);
  }

  *messages(): Generator<OpenMessage> {
    for (const { message } of this.#departures.values()) yield message;
  }

  /** What is too old; when that is not enough, the older half. */
  #dropOld(now: number): void {
    for (const [key, { time }] of this.#departures) {
      if (now - time >= RETURNS_WITHIN) this.#departures.delete(key);
    }
    for (const key of this.#departures.keys()) {
      if (this.#departures.size <= MOST / 2) return;
      this.#departures.delete(key);
    }
  }
}

function buildKey(host: string, queueId: string): string {
  return `${host} ${queueId}`;
}
