/** Who sends, and to whom: what decides whether mail is signed and whether a notification must be. */
import type { ReturnPathConfig } from '../../../config/config.ts';
import type { EnvelopeAddress, MilterMessage } from '../../../milter/handler.ts';
import { networkSet } from '../../../model/address.ts';
import { AddressSet } from '../../../sign/address-set.ts';

/** RFC 5321 4.5.1, RFC 2142: these mailboxes take everything. */
const ALWAYS_OPEN = /^(?:postmaster|abuse)$/i;

export class Parties {
  readonly #domains: ReadonlySet<string>;
  readonly #daemons: ReadonlySet<string>;
  readonly #own;
  readonly #open;
  readonly #unsignedSenders;
  readonly #unsignedRecipients;
  readonly #openRecipients;

  constructor(config: ReturnPathConfig) {
    this.#domains = new Set(config.domains);
    this.#daemons = new Set(config.daemons);
    this.#own = networkSet(config.networks);
    this.#open = networkSet(config.openNetworks);
    this.#unsignedSenders = new AddressSet(config.unsignedSenders);
    this.#unsignedRecipients = new AddressSet(config.unsignedRecipients);
    this.#openRecipients = new AddressSet(config.openRecipients);
  }

  /** Whether the address is of a domain that signs. */
  isOurs({ domain }: EnvelopeAddress): boolean {
    return this.#domains.has(domain);
  }

  /** Whether the message was handed in here: by a login, a local program, a network or a port of our own. */
  isSubmitted({ login, isLocal, session }: MilterMessage): boolean {
    if (login !== undefined || isLocal) return true;
    const { client, daemonName } = session;
    if (daemonName !== undefined && this.#daemons.has(daemonName)) return true;
    // Without an address it is a program of this machine (sendmail -bs).
    if (client.address === undefined) return true;
    return this.#own.has(client.address);
  }

  /** Whether the sender of a submitted message gets a signature for these recipients. */
  needsSignature({ sender, recipients }: MilterMessage): boolean {
    return (
      this.isOurs(sender) &&
      !this.#unsignedSenders.has(sender.address) &&
      recipients.some((recipient) => !this.isOurs(recipient) && recipient.domain !== '') &&
      !recipients.some(({ address }) => this.#unsignedRecipients.has(address))
    );
  }

  /** Whether a notification from this client may be for anybody. */
  isOpenClient({ session }: MilterMessage): boolean {
    const { address } = session.client;
    return address === undefined || this.#open.has(address);
  }

  /** Whether the recipient takes notifications without a signature. */
  isOpenRecipient(recipient: EnvelopeAddress): boolean {
    return (
      !this.isOurs(recipient) ||
      ALWAYS_OPEN.test(recipient.localPart) ||
      this.#openRecipients.has(recipient.address)
    );
  }
}
