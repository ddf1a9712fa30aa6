/** What rules read of an event. Each fact is worked out when it is first asked for, and once for all rules. */
import { formatIpv4, getDomain, readIpv4, readIpv6Network } from '../model/address.ts';
import type { KeyType } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';
import type { CountedEvent } from './counted-event.ts';
import {
  getClientAddress,
  getKeyId,
  getLoggedAddress,
  getRecipientValue,
  internId,
} from './key.ts';
import { getHostGroup } from './outage/provider.ts';
import { getPlace } from './place.ts';
import type { Distinct } from './rule.ts';

/**
 * An identity within its type: an IPv4 client is a 32-bit integer (signed, so that V8 needs no memory for it), all
 * others are texts.
 */
export type Id = string | number;

/** What a distinct rule compares: an IPv4 address or the beginning of one as an integer, everything else as a text. */
export type Value = string | number;

/** The identity as the rest of the program names it. */
export function formatId(id: Id): string {
  return typeof id === 'number' ? formatIpv4(id) : id;
}

/** The identity that a key has here. */
export function readId(type: KeyType, id: string): Id {
  return type === 'client' ? (readIpv4(id) ?? id) : id;
}

const UNKNOWN = Symbol();
type Lazy<T> = T | undefined | typeof UNKNOWN;

export class Facts {
  event!: CountedEvent;
  /** counts the events */
  number = 0;
  #address: Lazy<Id> = UNKNOWN;
  #client: Lazy<Value> = UNKNOWN;
  #recipient: Lazy<string> = UNKNOWN;

  /** From now on, the facts are those of this event. */
  read(event: CountedEvent): void {
    this.event = event;
    this.number++;
    this.#address = UNKNOWN;
    this.#client = UNKNOWN;
    this.#recipient = UNKNOWN;
  }

  get time(): number {
    return this.event.time;
  }

  /** The log told the event late, so its time is right however far back. */
  get isLate(): boolean {
    return this.event.amends === true;
  }

  /** The recipients that the event shows for the first time. */
  get amount(): number {
    return this.event.newRecipients ?? 0;
  }

  /** Undefined when the event has no key of this type. */
  id(type: KeyType): Id | undefined {
    return type === 'client' ? this.#getAddress() : getKeyId(type, this.event);
  }

  /** The client: of IPv6 its /64, since a machine has as many addresses there as it likes. Undefined: not known. */
  get client(): Value | undefined {
    if (this.#client === UNKNOWN) {
      const address = this.#getAddress();
      this.#client = typeof address === 'string' ? readIpv6Network(address) : address;
    }
    return this.#client;
  }

  /** The recipient that a distinct rule compares; undefined when the event has none. */
  get recipient(): string | undefined {
    if (this.#recipient === UNKNOWN) {
      const recipient = getRecipientValue(this.event);
      this.#recipient = recipient === undefined ? undefined : ownCopy(recipient);
    }
    return this.#recipient;
  }

  /** Where the mail to the recipient goes. */
  get place(): string {
    return getPlace(this.event);
  }

  get sender(): string {
    return internId(this.event.sender?.toLowerCase() ?? '');
  }

  /** The remote host, for rules that bound what one host may contribute. */
  get host(): string {
    const { relay } = this.event;
    return relay === undefined ? '' : ownCopy(getHostGroup(relay));
  }

  /** The value that a distinct rule compares; empty for any other rule. Undefined: the event does not count. */
  valueOf(distinct: Distinct | undefined): Value | undefined {
    if (distinct === undefined) return '';
    if (distinct === 'recipient') return this.recipient;
    const { client } = this;
    return client === undefined ? undefined : narrow(distinct, client);
  }

  #getAddress(): Id | undefined {
    if (this.#address === UNKNOWN) {
      const address = getLoggedAddress(this.event);
      this.#address = readIpv4(address ?? '') ?? getClientAddress(this.event);
    }
    return this.#address;
  }
}

/** As much of a client (`Facts.client`) as a rule compares. */
export function narrow(distinct: Distinct, client: Value): Value {
  if (distinct === 'client-wide-net') {
    return typeof client === 'number' ? client >> 16 : client.slice(0, 8);
  }
  return distinct === 'client-net' && typeof client === 'number' ? client >> 8 : client;
}

/** The domain of a value; empty for a client. */
export function domainOf(value: Value): string {
  return typeof value === 'number' ? '' : getDomain(value);
}
