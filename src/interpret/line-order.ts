/**
 * Events in the order of their lines although some are corrected later (`amends`): the submitter of a refusal may
 * only be known at the end of its session. Holds a bounded number back; what does not fit is given as it is.
 */
import type { MailEvent } from '../model/event.ts';

/** Events held back at most. */
const MOST = 20_000;

export class LineOrder {
  #held = new Map<string, MailEvent>();

  /** Takes events in and gives those that are old enough not to be corrected any more. */
  pass(events: readonly MailEvent[]): MailEvent[] {
    let serial = 0;
    for (const event of events) {
      const key = buildKey(event);
      if (event.amends === true) {
        if (this.#held.has(key)) this.#held.set(key, { ...event, amends: undefined });
        continue;
      }
      // Several events of one line (an expiry of three recipients) each keep their place.
      this.#held.set(
        this.#held.has(key) ? `${key} ${event.recipient} ${serial++} ${this.#held.size}` : key,
        event,
      );
    }
    return this.#release(MOST);
  }

  /** Gives what is still held. */
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
