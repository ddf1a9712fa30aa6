/** Mailboxes that the server's own delivery did not find, among the events of a replay. Bounded. */
import { counted } from '../base/text.ts';
import type { CountedEvent } from '../judge/counted-event.ts';
import { getDomain } from '../model/address.ts';

/** Recipients that are told apart. */
const MOST = 100_000;
/** Domains that the text names. */
const MOST_DOMAINS = 5;

export class OwnMailboxes {
  readonly #missing = new Set<string>();

  note({ direction, reason, recipient, originalRecipient }: CountedEvent): void {
    if (direction !== 'local' || reason !== 'invalid-recipient') return;
    const name = (originalRecipient ?? recipient ?? '').toLowerCase();
    if (this.#missing.size < MOST) this.#missing.add(name);
  }

  /** How many different ones. */
  get size(): number {
    return this.#missing.size;
  }

  /** One line: how many there are, and in which domains. */
  describe(): string {
    const domains = new Map<string, number>();
    for (const name of this.#missing) {
      const domain = getDomain(name);
      domains.set(domain, (domains.get(domain) ?? 0) + 1);
    }
    const largest = [...domains].sort(([, one], [, other]) => other - one).slice(0, MOST_DOMAINS);
    const list = largest.map(([domain, count]) => `${domain || 'no domain'} ${count}`).join(', ');
    return `own mailboxes not found after acceptance: ${counted(this.size, 'recipient')} (${list})`;
  }
}
