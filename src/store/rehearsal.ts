/** What a rehearsal would have refused, and the mail that shows whether it was wanted. */
import type { MailEvent, Mta } from '../model/event.ts';
import type { EventTable } from './events.ts';

/** A refusal that was only logged. */
export interface RehearsedRefusal {
  /** ms */
  readonly time: number;
  readonly mta: Mta;
  readonly address: string | null;
  readonly name: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
  readonly reply: string | null;
  /** `user:alice@example.net`; null for strangers */
  readonly submitter: string | null;
}

/** A recipient who got a message. */
export interface DeliveredMail {
  /** ms */
  readonly time: number;
  readonly address: string | null;
  readonly sender: string;
  readonly recipient: string | null;
  /** who sent it, `user:alice@example.net`; null for strangers */
  readonly submitter: string | null;
}

export class RehearsalQueries {
  readonly #events: EventTable;

  constructor(events: EventTable) {
    this.#events = events;
  }

  /** `since` inclusive, `until` exclusive, ms; oldest first. */
  *refusals(since: number, until: number): Generator<RehearsedRefusal> {
    for (const { event } of this.#events.query({ since, until, kinds: ['rehearsed'] })) {
      const { time, mta, client, sender = null, recipient = null, reply = null } = event;
      const { address = null, name = null } = client ?? {};
      yield { time, mta, address, name, sender, recipient, reply, submitter: nameOf(event) };
    }
  }

  /** Mail from outside, and of our submitters, that was delivered from `since` (ms) on, oldest first. */
  *deliveries(since: number): Generator<DeliveredMail> {
    for (const { event } of this.#events.query({ since, kinds: ['delivered'] })) {
      const { time, client, sender, direction, recipient = null } = event;
      if (!sender || (direction !== 'inbound' && direction !== 'outbound')) continue;
      yield {
        time,
        address: client?.address ?? null,
        sender,
        recipient: event.originalRecipient ?? recipient,
        submitter: nameOf(event),
      };
    }
  }
}

function nameOf({ submitter }: MailEvent): string | null {
  return submitter === undefined ? null : `${submitter.type}:${submitter.id}`;
}
