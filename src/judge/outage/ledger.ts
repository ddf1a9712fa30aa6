/**
 * The latest refusals of our own recipients, as far as it takes to count them once more without those of one
 * provider. A fixed number of them, the oldest are overwritten; each holds copies of its few texts and nothing else.
 */
import type { MailEvent } from '../../model/event.ts';
import { ownCopy } from '../../model/line.ts';

const KEPT = 10_000;

/** A refusal, with who said it if it was anybody but us. */
interface Noted {
  readonly provider: string | undefined;
  /** only what rules look at */
  readonly event: MailEvent;
}

export class RecentRefusals {
  #noted: Noted[] = [];
  readonly #most: number;
  #next = 0;

  constructor(most = KEPT) {
    this.#most = most;
  }

  note(event: MailEvent, provider: string | undefined): void {
    this.#noted[this.#next] = { provider, event: essence(event) };
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Takes out what a provider refused since a time (ms), in the order it came. */
  take(provider: string, since: number): MailEvent[] {
    const taken: MailEvent[] = [];
    const left: Noted[] = [];
    for (const noted of this) {
      if (noted.provider === provider && noted.event.time >= since) taken.push(noted.event);
      else left.push(noted);
    }
    this.#noted = left;
    this.#next = left.length % this.#most;
    return taken;
  }

  /** Everything kept, in the order it came. */
  *[Symbol.iterator](): Generator<Noted> {
    yield* this.#noted.slice(this.#next);
    yield* this.#noted.slice(0, this.#next);
  }
}

function essence(event: MailEvent): MailEvent {
  const { submitter, client, relay } = event;
  return {
    source: '',
    line: 0,
    offset: 0,
    time: event.time,
    mta: event.mta,
    host: copy(event.host),
    kind: event.kind,
    submitter: submitter && { type: submitter.type, id: ownCopy(submitter.id) },
    client: client && { address: ownCopy(client.address) },
    sender: copy(event.sender),
    recipient: copy(event.recipient),
    originalRecipient: copy(event.originalRecipient),
    relay: relay && { host: copy(relay.host), address: copy(relay.address) },
    reason: event.reason,
    direction: event.direction,
    amends: event.amends,
  };
}

function copy(text: string | undefined): string | undefined {
  return text === undefined ? undefined : ownCopy(text);
}
