/** Finds the stored message that a complaint is about. */
import type { MailEvent } from '../model/event.ts';
import { KINDS } from './codes.ts';
import type { EventTable } from './events.ts';

/** What must be true of a message. Times in ms. */
export interface MessageQuery {
  readonly messageId: string;
  readonly queueId?: string;
  readonly since: number;
  readonly until: number;
}

/** Messages and deliveries that one complaint is compared with. */
const MOST = 1000;

export class ComplaintQueries {
  readonly #events: EventTable;

  constructor(events: EventTable) {
    this.#events = events;
  }

  /** The messages that were accepted with this Message-ID; usually one. */
  findAccepted({ until, ...query }: MessageQuery): MailEvent[] {
    const found = { ...query, until: until + 1, kinds: ['accepted'] as const, limit: MOST };
    return Array.from(this.#events.query(found), ({ event }) => event);
  }

  /** To whom these queue IDs were delivered. */
  findDelivered(queueIds: readonly string[], since: number, until: number): MailEvent[] {
    const wanted = new Set<string | undefined>(queueIds);
    const found: MailEvent[] = [];
    this.#events.scan({ since, until: until + 1, kinds: ['delivered'] }, (page, at) => {
      if (page.kind(at) !== KINDS.numberOf.delivered || found.length === MOST) return;
      if (!wanted.has(page.text(at, 'queueId'))) return;
      found.push(page.event(at, this.#events.names));
    });
    return found;
  }

  /** Whether there was a complaint about this message before. */
  isKnown({ queueId, offset, messageId }: MailEvent): boolean {
    if (queueId === undefined || messageId === undefined) return false;
    const known = [...this.#events.query({ kinds: ['complaint'], queueId, messageId })];
    return known.some(({ event }) => event.offset === offset);
  }
}
