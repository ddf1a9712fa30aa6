/**
 * What the columns of a page say of each event beyond those of page-form.ts, so that sums need not open the records: the
 * size of an accepted message, whether a refused one had the null sender, for every other event the host that answered, and
 * addresses of clients that are not numbers. A number for each event, then the names as JSON. Pages of an earlier version
 * lack them.
 */
import type { MailEvent } from '../model/event.ts';
import { type Columns, damaged, PARTS } from './page-form.ts';
import type { PageTexts } from './page-texts.ts';

/** The text of the details. Their numbers: of an accepted message its size + 1, of a rejected one 1 for the null sender, of
 * others 1 + a place in `relays`; 0 for none. */
export interface Details {
  /** the server that wrote all of the lines; undefined if there are several, or none is named */
  readonly host: string | undefined;
  /** names of hosts that answered, or their addresses */
  readonly relays: readonly string[];
  /** addresses by their mark, which is the number in the column; without those that share one */
  readonly clients: Readonly<Record<number, string | null>>;
}

/** A size that is too large for its number is in the record only. */
export const TOO_LARGE = 2 ** 32 - 1;

/** Gathers the details while a page is written. */
export class DetailWriter {
  readonly #numbers: Uint32Array;
  /** by its number among the texts, the place of a relay, and the number of each */
  readonly #places = new Map<number, number>();
  #clients: Record<number, number | null> = {};
  /** null: several */
  #host: number | null | undefined;

  /** Writes to these numbers. */
  constructor(numbers: Uint32Array) {
    this.#numbers = numbers;
  }

  /** `parts`: those of the event's record. */
  add(at: number, event: MailEvent, parts: readonly (number | undefined)[]): void {
    this.#numbers[at] = this.#numberOf(event, parts);
    const host = parts[PARTS.host];
    if (at === 0) this.#host = host;
    else if (this.#host !== host) this.#host = null;
  }

  /** Adds the address of a client that is not an IPv4 address: a number among the texts. */
  addClient(mark: number, address: number): void {
    const known = this.#clients[mark];
    this.#clients[mark] = known === undefined || known === address ? address : null;
  }

  /** The names, as bytes. */
  finish(texts: PageTexts): Uint8Array {
    const read = (text: number | null | undefined) =>
      text === null || text === undefined ? null : texts.read(text);
    const relays = Array.from(this.#places.keys(), read);
    const clients = Object.fromEntries(
      Object.entries(this.#clients).map(([mark, text]) => [mark, read(text)]),
    );
    return Buffer.from(JSON.stringify([read(this.#host), relays, clients]));
  }

  clear(): void {
    this.#places.clear();
    this.#clients = {};
  }

  #numberOf({ kind, size, sender }: MailEvent, parts: readonly (number | undefined)[]): number {
    if (kind === 'accepted') return size === undefined ? 0 : Math.min(size + 1, TOO_LARGE);
    if (kind === 'rejected') return sender === '' ? 1 : 0;
    const text = parts[PARTS.relayHost] ?? parts[PARTS.relayAddress];
    if (text === undefined) return 0;
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const number = this.#places.size + 1;
    this.#places.set(text, number);
    return number;
  }
}

/** Throws a PosternError (`database-corrupt`) when the text is not what `DetailWriter.finish` made. */
export function readDetails({ detailText }: Columns): Details {
  try {
    const text = Buffer.from(
      detailText.buffer,
      detailText.byteOffset,
      detailText.length,
    ).toString();
    const [host, relays, clients] = JSON.parse(text) as [
      string | null,
      Details['relays'],
      Details['clients'],
    ];
    return { host: host ?? undefined, relays, clients };
  } catch (cause) {
    throw damaged('the hosts of a page cannot be read', cause);
  }
}
