/** The keys of candidates, as the columns of stored events have them. */
import { markClient } from '../store/client-mark.ts';
import type { Names } from '../store/names.ts';
import type { Page } from '../store/page.ts';
import type { Store } from '../store/store.ts';

/** Keys as the columns have them, each spelling of a key as one. */
export class Keys {
  readonly #names: Names;
  /** for submitters that the log spells in several ways, the number that stands for all */
  readonly #spellings: ReadonlyMap<number, number>;
  readonly #marks = new Map<number, number>();

  constructor({ events }: Store) {
    this.#names = events.names;
    this.#spellings = events.names.listSpellings();
  }

  submitter(page: Page, at: number): number | undefined {
    const submitter = page.submitter(at);
    return submitter === 0 ? undefined : (this.#spellings.get(submitter) ?? submitter);
  }

  /** The client that the judge counts for, as the mark of its address. */
  client(page: Page, at: number): number | undefined {
    const mark = page.isByClient(at) ? this.#markOf(page.submitter(at)) : page.clientMark(at);
    // Signed: V8 makes an object of each number above 2^31.
    return mark === undefined ? undefined : mark | 0;
  }

  /** The network of an IPv4 client, of so many bits. Another client is its own network, beyond the numbers of these. */
  network(page: Page, at: number, bits: number): number | undefined {
    const client = this.client(page, at);
    if (client === undefined) return undefined;
    return page.hasDotted(at) && !page.isByClient(at) ? client >>> (32 - bits) : client + 2 ** 32;
  }

  #markOf(submitter: number): number {
    const known = this.#marks.get(submitter);
    if (known !== undefined) return known;
    const mark = markClient(this.#names.who(submitter)?.id ?? '');
    this.#marks.set(submitter, mark);
    return mark;
  }
}
