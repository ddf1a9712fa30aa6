/** Addresses and whole domains that an operator has listed, as `alice@example.net` and `@lists.example.org`. */
import { lowerAscii } from '../base/text.ts';
import { splitAddress } from './envelope.ts';

export class AddressSet {
  readonly #entries: ReadonlySet<string>;

  /** Upper and lower case are the same. */
  constructor(entries: readonly string[]) {
    this.#entries = new Set(entries.map(lowerAscii));
  }

  /** Whether it names the address or its domain. */
  has(address: string): boolean {
    const lower = lowerAscii(address);
    const at = lower.lastIndexOf('@');
    return this.#entries.has(lower) || (at >= 0 && this.#entries.has(lower.slice(at)));
  }
}

/** Whether an operator may list this: an address, or a domain behind an @. */
export function isListable(entry: string): boolean {
  return splitAddress(entry.startsWith('@') ? `x${entry}` : entry) !== undefined;
}
