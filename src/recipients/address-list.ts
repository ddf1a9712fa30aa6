/** A plain list of recipients: one address a line, `@example.net` for a whole domain, `#` for comments. Pure. */
import { lowerAscii } from '../base/text.ts';
import type { Parsed } from '../base/watched-file.ts';
import { cutExtension, parseRecipient, type Recipient } from './address.ts';

/** Compared without regard to case, as Postfix compares its tables. */
export class AddressList {
  readonly #entries: ReadonlySet<string>;

  constructor(entries: Iterable<string>) {
    this.#entries = new Set(entries);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether it names the recipient, the recipient without its extension, or its domain. */
  has({ local, domain }: Recipient, extension: string): boolean {
    return buildKeys({ local, domain }, extension).some((key) =>
      this.#entries.has(lowerAscii(key)),
    );
  }
}

/** What a table is asked for a recipient, in order, as Postfix's mail_addr_find does: address, without extension, domain. */
export function buildKeys(
  { local, domain }: Pick<Recipient, 'local' | 'domain'>,
  extension: string,
): string[] {
  const plain = cutExtension(local, extension);
  const addresses = plain === local ? [local] : [local, plain];
  return [...addresses.map((name) => `${name}@${domain}`), `@${domain}`];
}

/** Only the first word of a line counts, so that a Postfix table can serve as it is. */
export function parseAddressList(text: string): Parsed<AddressList> {
  const entries: string[] = [];
  const problems: { line: number; text: string }[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const [word = ''] = line.startsWith('"') ? [line] : line.split(/\s/, 1);
    const entry = word.startsWith('@') ? `x${word}` : word;
    const known = parseRecipient(entry);
    if (known === undefined)
      problems.push({ line: index + 1, text: `expected an address or @domain, found ${word}` });
    else entries.push(lowerAscii(word.startsWith('@') ? `@${known.domain}` : known.address));
  });
  return { value: new AddressList(entries), problems };
}
