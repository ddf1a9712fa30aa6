/**
 * Puts events in the order of their lines, although some are corrected later (`amends`): the submitter of a refusal may
 * be known only at the end of its session. Holds back a bounded number of events; older ones are returned as they are.
 */
import type { MailEvent } from '../model/event.ts';

/** Most events that are held back. */
const MOST = 20_000;

export class LineOrder {
  #held = new Map<string, MailEvent>();

  /** Takes events, and returns those that are so old that no correction is expected any more. */
  pass(events: readonly MailEvent[]): MailEvent[] {
    let serial = 0;
    for (const event of events) {
      const key = buildKey(event);
      if (event.amends === true) {
        if (this.#held.has(key)) this.#held.set(key, { ...event, amends: undefined });
        continue;
      }
      // Each event of a line with several (an expiry of three recipients) keeps its own place.
      this.#held.set(
        this.#held.has(key) ? `${key} ${event.recipient} ${serial++} ${this.#held.size}` : key,
        event,
      );
    }
    return this.#release(MOST);
  }

  /** Returns the events that are still held back. */
  end(): MailEvent[] {
    return this.#release(0);
  }

  #release(keep: number): MailEvent[] {
    const free: MailEvent[] = [];
    for (const [key, event] of this.#held) {
      if (this.#held.size <= keep) break;
      free.push(event);
      this.#held.delete(key);
    }
    return free;
  }
}

function buildKey(event: MailEvent): string {
  return `${event.source} ${event.offset}`;
}
