/** Who sends most: sums over stored events for the report. */
import type { SubmitterType } from '../model/event.ts';
import { DIRECTIONS, KINDS } from './codes.ts';
import type { Names } from './names.ts';
import type { Page } from './page.ts';
import { byText, Groups, top } from './tally.ts';

/** What a submitter sent. */
export interface SenderCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly messages: number;
  readonly recipients: number;
  readonly bytes: number;
}

const { accepted: ACCEPTED } = KINDS.numberOf;
const { local: LOCAL } = DIRECTIONS.numberOf;

export class VolumeSums {
  readonly #names: Names;
  readonly #senders = new Groups<number, SentSum>();

  constructor(names: Names) {
    this.#names = names;
  }

  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    const kind = page.kind(at);
    const submitter = page.submitter(at);
    if (submitter === 0 || page.direction(at) === LOCAL) return;
    const recipients = page.newRecipients(at) ?? 0;
    const isMessage = kind === ACCEPTED && !page.isRepeated(at);
    if (recipients === 0 && !isMessage) return;
    const sum = this.#senders.get(submitter, newSentSum);
    sum.recipients += recipients;
    if (!isMessage) return;
    sum.messages++;
    sum.bytes += page.size(at) ?? 0;
  }

  /** The `most` submitters with the most messages; spellings of one are one. */
  senders(most: number): SenderCount[] {
    const people = new Groups<string, SentSum & Pick<SenderCount, 'type' | 'id'>>();
    for (const [number, sum] of this.#senders) {
      const who = this.#names.folded(number);
      if (who === undefined) continue;
      const person = people.get(`${who.type} ${who.id}`, () => ({ ...who, ...newSentSum() }));
      person.messages += sum.messages;
      person.recipients += sum.recipients;
      person.bytes += sum.bytes;
    }
    return top(
      people.values(),
      most,
      (a, b) => b.messages - a.messages || b.recipients - a.recipients || byText(a.id, b.id),
    );
  }
}

interface SentSum {
  messages: number;
  recipients: number;
  bytes: number;
}

const newSentSum = (): SentSum => ({ messages: 0, recipients: 0, bytes: 0 });
