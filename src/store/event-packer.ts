/**
 * Packs events into pages before their transaction begins, so that they need not live until then: what is left of them is
 * bytes. Numbers of submitters are given out in the transaction only, and until then the pages have others. An event that
 * corrects another one is not packed, nor are those after it: as long as they are events, they are easy to correct.
 */
import type { MailEvent, Submitter, SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type { Names } from './names.ts';
import { layColumns } from './page-form.ts';
import { PageWriter, type WrittenPage } from './page-writer.ts';

/** What one transaction stores; it may be tried several times. */
export interface PackedEvents {
  readonly pages: readonly WrittenPage[];
  /** what the numbers in these pages stand for, beginning with 1 */
  readonly submitters: readonly Submitter[];
  /** what came after them and is not packed */
  readonly rest: readonly MailEvent[];
}

/** A page with the numbers that its submitters have now. */
export function renumber(page: WrittenPage, numbers: readonly number[]): WrittenPage {
  const find = (number: number) => (number === 0 ? 0 : (numbers[number - 1] as number));
  // A copy, because the transaction may be tried again, with other numbers.
  const columns = new Uint8Array(page.columns);
  const { submitters } = layColumns(page.count, columns);
  submitters.set(submitters.map(find));
  return { ...page, columns, submitters: new Set([...page.submitters].map(find)) };
}

export class EventPacker {
  readonly #names: Names;
  readonly #writer = new PageWriter();
  #pages: WrittenPage[] = [];
  #submitters: Submitter[] = [];
  #numbers = newNumbers();
  #rest: MailEvent[] = [];
  /** the last transaction had a correction: such a log corrects many events, each soon after it came */
  #corrects = false;

  constructor(names: Names) {
    this.#names = names;
  }

  /** Adds events, after all others. */
  add(events: readonly MailEvent[]): void {
    for (const event of events) {
      if (this.#rest.length > 0 || this.#corrects) this.#rest.push(event);
      else this.#pack(event);
    }
  }

  /** What was added since the last call. */
  take(): PackedEvents {
    if (!this.#writer.isEmpty) this.#pages.push(this.#writer.finish());
    const packed = { pages: this.#pages, submitters: this.#submitters, rest: this.#rest };
    this.#corrects = this.#rest.some(({ amends }) => amends === true);
    this.#pages = [];
    this.#rest = [];
    this.#submitters = [];
    this.#numbers = newNumbers();
    return packed;
  }

  #pack(event: MailEvent): void {
    // A source that is not known yet gets its number in the transaction.
    const source = event.amends === true ? undefined : this.#names.knownSource(event.source);
    if (source === undefined) {
      this.#rest.push(event);
      return;
    }
    this.#writer.add(event, source, this.#number(event.submitter));
    if (this.#writer.isFull) this.#pages.push(this.#writer.finish());
  }

  #number(submitter: Submitter | undefined): number {
    if (submitter === undefined) return 0;
    const { type, id } = submitter;
    const numbers = this.#numbers[type];
    const known = numbers.get(id);
    if (known !== undefined) return known;
    const own = ownCopy(id);
    const number = this.#submitters.push({ type, id: own });
    numbers.set(own, number);
    return number;
  }
}

function newNumbers(): Readonly<Record<SubmitterType, Map<string, number>>> {
  return { user: new Map(), client: new Map(), uid: new Map() };
}
