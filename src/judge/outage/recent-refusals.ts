/**
 * The latest refusals of our own mail, kept so that they can be counted again without those of one provider. Their
 * number is fixed and the oldest are overwritten. Each is one short text, which takes a third of the memory of its
 * objects: they are looked at only when an outage begins.
 */
import type { CountedEvent } from '../counted-event.ts';

const KEPT = 10_000;

/** A refusal, with the provider that sent it; without one, we refused it ourselves. */
interface Refusal {
  readonly provider: string | undefined;
  /** only the fields that rules use */
  readonly event: CountedEvent;
}

export class RecentRefusals {
  /** as `pack` makes them */
  #refusals: string[] = [];
  readonly #most: number;
  #next = 0;

  constructor(most = KEPT) {
    this.#most = most;
  }

  add(event: CountedEvent, provider: string | undefined): void {
    this.#refusals[this.#next] = pack(event, provider);
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Removes and returns what a provider refused since a time (ms), in the order in which it came. */
  take(provider: string, since: number): CountedEvent[] {
    const taken: CountedEvent[] = [];
    const left: string[] = [];
    for (const packed of this.#inOrder()) {
      const refusal = unpack(packed);
      const { event } = refusal;
      if (refusal.provider === provider && event.time >= since) taken.push(event);
      else left.push(packed);
    }
    this.#refusals = left;
    this.#next = left.length % this.#most;
    return taken;
  }

  /** The events of all refusals, in the order in which they came. */
  list(): CountedEvent[] {
    return this.#inOrder().map((packed) => unpack(packed).event);
  }

  #inOrder(): string[] {
    return [...this.#refusals.slice(this.#next), ...this.#refusals.slice(0, this.#next)];
  }
}

/** What rules count by, as JSON: values without their names, null for none. */
function pack(event: CountedEvent, provider: string | undefined): string {
  const { time, host, kind, submitter, client, sender, recipient, relay } = event;
  const { originalRecipient, reason, direction, amends } = event;
  return JSON.stringify([
    ...[provider, time, host, kind, submitter?.type, submitter?.id, client?.address, sender],
    ...[recipient, originalRecipient, relay && [relay.host, relay.address], reason, direction],
    amends,
  ]);
}

function unpack(packed: string): Refusal {
  const values = (JSON.parse(packed) as unknown[]).map((value) => value ?? undefined);
  const [provider, time, host, kind, type, id, address, sender, ...others] = values;
  const [recipient, originalRecipient, relay, reason, direction, amends] = others;
  const [relayHost, relayAddress] = (relay ?? []) as (string | null)[];
  const event = {
    ...{ source: '', line: 0, offset: 0, time, host, kind },
    submitter: type && { type, id },
    client: address === undefined ? undefined : { address },
    ...{ sender, recipient, originalRecipient },
    relay: relay && { host: relayHost ?? undefined, address: relayAddress ?? undefined },
    ...{ reason, direction, amends },
  };
  return { provider, event } as Refusal;
}
