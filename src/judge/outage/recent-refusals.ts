/**
 * The latest refusals of our own mail, kept so that they can be counted again without those of one provider. Their
 * number is fixed and the oldest are overwritten. Each holds its own copy of a few texts and nothing else.
 */
import type { MailEvent } from '../../model/event.ts';
import { ownCopy } from '../../model/line.ts';

const KEPT = 10_000;

/** A refusal, with the provider that sent it; without one, we refused it ourselves. */
interface Refusal {
  readonly provider: string | undefined;
  /** only the fields that rules use */
  readonly event: MailEvent;
}

export class RecentRefusals {
  #refusals: Refusal[] = [];
  readonly #most: number;
  #next = 0;

  constructor(most = KEPT) {
    this.#most = most;
  }

  add(event: MailEvent, provider: string | undefined): void {
    this.#refusals[this.#next] = { provider, event: copyCounted(event) };
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Removes and returns what a provider refused since a time (ms), in the order in which it came. */
  take(provider: string, since: number): MailEvent[] {
    const taken: MailEvent[] = [];
    const left: Refusal[] = [];
    for (const refusal of this) {
      const { event } = refusal;
      if (refusal.provider === provider && event.time >= since) taken.push(event);
      else left.push(refusal);
    }
    this.#refusals = left;
    this.#next = left.length % this.#most;
    return taken;
  }

  /** All refusals, in the order in which they came. */
  *[Symbol.iterator](): Generator<Refusal> {
    yield* this.#refusals.slice(this.#next);
    yield* this.#refusals.slice(0, this.#next);
  }
}

/** A copy of what rules count by, which keeps no log line alive. */
function copyCounted(event: MailEvent): MailEvent {
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
