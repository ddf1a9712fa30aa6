/**
 * Messages that left the queue by pipe(8) just now. With a content filter that sends them back with sendmail there is
 * a race: pickup may log the message that came back after qmgr has removed the one that went out.
 * Kept for a minute of log time, bounded in number and in size.
 */
import { MINUTE } from '../base/time.ts';
import { type OpenMessage, weigh } from './message.ts';
import type { ReadPart, StatePart } from './saved-map.ts';

/** sendmail leaves the mail in the maildrop queue, and pickup looks there at least once a minute. */
const RETURNS_WITHIN = MINUTE;
const MOST = 2000;
/** Bytes, about. A larger message has a sender or a client that no real mail has. */
const HEAVIEST = 8000;

interface PipedMessage {
  readonly message: OpenMessage;
  /** ms, when it left */
  readonly time: number;
  /** how many messages may still come back */
  left: number;
}

export class PipedMessages {
  readonly #piped = new Map<string, PipedMessage>();
  #newest = 0;
  #isChanged = false;

  /** The message left the queue at `time` (ms). Ignored if no pipe(8) took it. */
  add(message: OpenMessage, time: number): void {
    const left = message.piped ?? 0;
    if (left <= 0) return;
    const kept = { ...message, outcomes: undefined, outcomeCount: 0, outcomeLength: 0 };
    if (weigh(kept) > HEAVIEST) return;
    if (this.#piped.size >= MOST) this.#dropOld(time);
    this.#piped.set(buildKey(message.host, message.queueId), { message: kept, time, left });
    this.#newest = time;
    this.#isChanged = true;
  }

  /** The message that had this queue ID less than a minute before `time` (ms), unless all of it came back. */
  find(host: string, queueId: string, time: number): OpenMessage | undefined {
    const found = this.#piped.get(buildKey(host, queueId));
    if (found === undefined || found.left === 0) return undefined;
    return time - found.time < RETURNS_WITHIN ? found.message : undefined;
  }

  /** One of the messages that this one went out as has come back. */
  noteReturn({ host, queueId }: OpenMessage): void {
    const found = this.#piped.get(buildKey(host, queueId));
    if (found === undefined) return;
    found.left--;
    this.#isChanged = true;
  }

  takeChanges(): StatePart[] {
    if (!this.#isChanged) return [];
    this.#isChanged = false;
    const recent = [...this.#piped].filter(([, { time }]) => this.#newest - time < RETURNS_WITHIN);
    return [['departed', recent]];
  }

  load(read: ReadPart): void {
    const saved = (read('departed') ?? []) as readonly (readonly [string, PipedMessage])[];
    for (const [key, piped] of saved) this.#piped.set(key, piped);
  }

  *messages(): Generator<OpenMessage> {
    for (const { message } of this.#piped.values()) yield message;
  }

  /** Drops what is too old, and the older half of the rest if that is not enough. */
  #dropOld(now: number): void {
    for (const [key, { time }] of this.#piped) {
      if (now - time >= RETURNS_WITHIN) this.#piped.delete(key);
    }
    for (const key of this.#piped.keys()) {
      if (this.#piped.size <= MOST / 2) return;
      this.#piped.delete(key);
    }
  }
}

function buildKey(host: string, queueId: string): string {
  return `${host} ${queueId}`;
}
