/** What lines have led to since the last commit. The events are packed at once, so only bytes are left of most of them. */
import type { Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Lines } from '../model/lines.ts';
import type { EventPacker, PackedEvents } from '../store/event-packer.ts';
import type { SeenLogin } from '../store/logins.ts';

/** What one transaction writes; it may be tried several times. */
interface Taken {
  readonly events: PackedEvents;
  readonly logins: readonly SeenLogin[];
  readonly verdicts: Verdict[];
  /** Message-IDs of notices that the log shows to be accepted */
  readonly notices: readonly string[];
  /** by log, behind its newest line */
  readonly positions: ReadonlyMap<string, unknown>;
}

export class Uncommitted {
  readonly #packer: EventPacker;
  #bytes = 0;
  #logins: SeenLogin[] = [];
  #verdicts: Verdict[] = [];
  #notices: string[] = [];
  #positions = new Map<string, unknown>();

  constructor(packer: EventPacker) {
    this.#packer = packer;
  }

  /** Bytes of log that it is from, about. */
  get bytes(): number {
    return this.#bytes;
  }

  addEvents(events: readonly MailEvent[]): void {
    this.#packer.add(events);
    for (const { submitter, time } of events) {
      if (submitter?.login !== undefined) this.#logins.push({ submitter, time });
    }
  }

  addVerdicts(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) this.#verdicts.push(verdict);
  }

  addNotice(messageId: string): void {
    this.#notices.push(messageId);
  }

  addLines(path: string, lines: Lines, position: unknown): void {
    this.#positions.set(path, position);
    for (const part of lines.parts) {
      this.#bytes += 'ends' in part ? part.text.length : part.bytes.length;
    }
  }

  /** All of it; afterwards there is nothing. */
  take(): Taken {
    const taken = {
      events: this.#packer.take(),
      logins: this.#logins,
      verdicts: this.#verdicts,
      notices: this.#notices,
      positions: this.#positions,
    };
    this.#bytes = 0;
    this.#logins = [];
    this.#verdicts = [];
    this.#notices = [];
    this.#positions = new Map();
    return taken;
  }
}
