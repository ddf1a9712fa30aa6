/** What became of recipients at other hosts, for sums that need the provider of a host. */
import type { SubmitterType } from '../model/event.ts';
import { KINDS } from './codes.ts';
import type { EventTable } from './events.ts';

/** One recipient, delivered or refused for good. */
export interface Outcome {
  /** ms */
  readonly time: number;
  readonly refused: boolean;
  /** the host that answered, or its address */
  readonly host: string;
  /** number of the submitter, for `name`; undefined if it has none */
  readonly submitter: number | undefined;
}

export class Outcomes {
  readonly #events: EventTable;

  constructor(events: EventTable) {
    this.#events = events;
  }

  /** Calls `visit` for those from `since` to `until` (ms, exclusive), in the order in which they came. */
  visit(since: number, until: number, visit: (outcome: Outcome) => void): void {
    const { delivered, bounced } = KINDS.numberOf;
    this.#events.scan({ since, until, kinds: ['delivered', 'bounced'] }, (page, at) => {
      const kind = page.kind(at);
      if (kind !== delivered && kind !== bounced) return;
      const host = page.relay(at);
      if (host === undefined) return;
      const submitter = page.submitter(at) || undefined;
      visit({ time: page.time(at), refused: kind === bounced, host, submitter });
    });
  }

  /** The submitter with this number, in lower case; undefined if it was deleted. */
  name(submitter: number): { readonly type: SubmitterType; readonly id: string } | undefined {
    return this.#events.names.folded(submitter);
  }
}
