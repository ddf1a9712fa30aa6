/** Which recipients are not looked at, whoever their back end is. */
import { lowerAscii } from '../base/text.ts';
import { networkSet } from '../model/address.ts';
import type { Recipient } from './address.ts';
import type { SkipOptions } from './options.ts';
import type { RecipientContext, SkipReason } from './verdict.ts';

export class SkipRules {
  readonly #options: SkipOptions;
  readonly #clients: ReturnType<typeof networkSet>;
  readonly #daemons: ReadonlySet<string>;
  readonly #domains: ReadonlySet<string>;
  readonly #addresses: ReadonlySet<string>;

  /** Throws a RangeError for what is not a network; the configuration has checked them. */
  constructor(options: SkipOptions) {
    this.#options = options;
    this.#clients = networkSet(options.clients);
    this.#daemons = new Set(options.daemons.map(lowerAscii));
    this.#domains = new Set(options.domains.map(lowerAscii));
    this.#addresses = new Set(options.addresses.map(lowerAscii));
  }

  /** Why the recipient is not looked at; undefined if it is. */
  find({ address, domain }: Recipient, context: RecipientContext): SkipReason | undefined {
    if (this.#options.local && context.local) return 'local';
    if (this.#options.authenticated && context.authenticated) return 'authenticated';
    if (context.client !== undefined && this.#clients.has(context.client)) return 'client';
    if (context.daemon !== undefined && this.#daemons.has(lowerAscii(context.daemon)))
      return 'daemon';
    if (this.#domains.has(domain)) return 'domain';
    return this.#addresses.has(lowerAscii(address)) ? 'address' : undefined;
  }
}
