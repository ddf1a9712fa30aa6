/** SPF (RFC 7208) as far as an audit needs it: what a record says about an address. Macros, `exists` and `ptr` are not followed. */
import { parseNetwork } from '../../model/address.ts';

/** `unknown`: the record needs what is not followed here, or a question had no answer. */
export type Outcome = 'pass' | 'fail' | 'softfail' | 'neutral' | 'none' | 'unknown';

interface Lookups {
  resolve(name: string): Promise<readonly string[] | undefined>;
  exchangers(domain: string): Promise<readonly string[] | undefined>;
  spf(domain: string): Promise<string | readonly string[] | undefined>;
}

const RESULTS: Readonly<Record<string, Outcome>> = {
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
};

/** RFC 7208 4.6.4 */
const MOST_LOOKUPS = 10;

export interface Term {
  readonly qualifier: string;
  readonly name: string;
  /** behind `:` or `=` */
  readonly value: string;
  /** prefix length behind `/`, or -1 */
  readonly length: number;
}

/** The terms of a record. */
export function parseSpf(record: string): Term[] {
  return record
    .split(/\s+/)
    .slice(1)
    .flatMap((word) => {
      const match = /^([+~?-]?)([a-z0-9_.-]+)(?:[:=]([^/\s]*))?(?:\/(\d+))?(?:\/\/\d+)?$/i.exec(
        word,
      );
      if (match === null) return [];
      const [, qualifier = '', name = '', value = '', length] = match;
      return [
        {
          qualifier: qualifier || '+',
          name: name.toLowerCase(),
          value,
          length: length === undefined ? -1 : Number(length),
        },
      ];
    });
}

export class SpfLookup {
  readonly #ask: Lookups;
  #lookups = 0;

  constructor(ask: Lookups) {
    this.#ask = ask;
  }

  /** What the record of `domain` says about `address`. */
  async judge(domain: string, address: string): Promise<Outcome> {
    const record = await this.#ask.spf(domain);
    if (typeof record !== 'string') return 'none';
    if (/[%]/.test(record)) return 'unknown';
    const terms = parseSpf(record);
    for (const term of terms) {
      const matches = await this.#matches(term, domain, address);
      if (matches === 'unknown') return 'unknown';
      if (matches) return RESULTS[term.qualifier] as Outcome;
    }
    const redirect = terms.find(({ name }) => name === 'redirect');
    return redirect === undefined ? 'neutral' : await this.#follow(redirect.value, address);
  }

  async #follow(domain: string, address: string): Promise<Outcome> {
    this.#lookups += 1;
    return this.#lookups > MOST_LOOKUPS ? 'unknown' : await this.judge(domain, address);
  }

  async #matches(term: Term, domain: string, address: string): Promise<boolean | 'unknown'> {
    const { name, value, length } = term;
    switch (name) {
      case 'all':
        return true;
      case 'ip4':
      case 'ip6':
        // `ip6:` has colons of its own, which the term keeps.
        return contains(length < 0 ? value : `${value}/${length}`, address);
      case 'a':
        return within(await this.#ask.resolve(value || domain), length, address);
      case 'mx':
        return await this.#matchesExchanger(value || domain, length, address);
      case 'include': {
        const result = await this.#follow(value, address);
        return result === 'unknown' ? 'unknown' : result === 'pass';
      }
      case 'exists':
      case 'ptr':
        return 'unknown';
      default:
        return false; // modifiers
    }
  }

  async #matchesExchanger(
    domain: string,
    length: number,
    address: string,
  ): Promise<boolean | 'unknown'> {
    this.#lookups += 1;
    const names = this.#lookups > MOST_LOOKUPS ? undefined : await this.#ask.exchangers(domain);
    if (names === undefined) return 'unknown';
    for (const name of names.filter((each) => each !== '')) {
      const found = within(await this.#ask.resolve(name), length, address);
      if (found !== false) return found;
    }
    return false;
  }
}

function within(
  addresses: readonly string[] | undefined,
  length: number,
  address: string,
): boolean | 'unknown' {
  if (addresses === undefined) return 'unknown';
  return addresses.some((each) =>
    contains(length < 0 || each.includes(':') ? each : `${each}/${length}`, address),
  );
}

/** Whether a network has the address. */
export function contains(network: string, address: string): boolean {
  const outer = parseNetwork(network);
  const inner = parseNetwork(address);
  if (outer === undefined || inner === undefined || outer[0].kind() !== inner[0].kind())
    return false;
  return inner[0].match(outer[0] as never, outer[1]);
}
