/**
 * Who sends to whom on the made-up server: customers with their devices, foreign hosts, people abroad, bots, a few
 * accounts whose password was stolen. Names that are reserved for documentation (RFC 2606). The networks for documentation
 * are too small for a hosting server: the addresses are from 240.0.0.0/4 and 3fff::/20, which are nobody's (RFC 1112 4, RFC
 * 9637).
 */
import type { Random } from './random.ts';

export interface Host {
  readonly name: string;
  readonly address: string;
}

export interface World {
  readonly random: Random;
  readonly customers: readonly string[];
  readonly stolen: readonly string[];
  /** a customer's device: one of a few networks of the customer, and there nearly always an address of its own */
  deviceOf(customer: string): Host;
  /** any machine of a botnet; without a name */
  bot(): Host;
  /** a foreign mail server */
  server(): Host;
  /** somebody abroad who exists */
  correspondent(): string;
  /** an address abroad that does not exist, never the same twice */
  nobody(): string;
  /** an address of ours that does not exist */
  guess(): string;
  messageId(): string;
  /** 1, 2, 3, ... */
  serial(): number;
}

const WORDS = 'anna ben carla dirk eva frank gina hugo ida jan kim lea max nina otto paul'.split(
  ' ',
);
const CUSTOMERS = 2000;
const DOMAINS = 400;
const SERVERS = 2000;
/** Networks of one customer (home, office, the carrier of the phone), and out of 100 mails how many change the device. */
const PLACES = 3;
const MOVES = 90;

export function makeWorld(random: Random): World {
  let serial = 0;
  let number = 0;
  const customers = Array.from(
    { length: CUSTOMERS },
    (_, index) => `${random.pick(WORDS)}${index}@shop${index % DOMAINS}.example.net`,
  );
  const servers = Array.from({ length: SERVERS }, (_, index) => ({
    name: `mx${index % 3}.host${index}.example.org`,
    address: random.chance(15) ? v6(random) : v4(random),
  }));
  const devices = new Map<string, Host>();
  return {
    random,
    customers,
    stolen: customers.slice(0, 3),
    deviceOf(customer) {
      let device = devices.get(customer);
      if (device === undefined || random.chance(MOVES)) {
        device = {
          name: random.chance(70) ? `dyn-${random.below(9999)}.isp.example.com` : 'unknown',
          address: addressAt(random, placeOf(customer, random.below(PLACES))),
        };
        devices.set(customer, device);
      }
      return device;
    },
    bot: () => ({ name: 'unknown', address: v4(random) }),
    server: () => random.pick(servers),
    correspondent: () =>
      `${random.pick(WORDS)}.${random.below(4000)}@host${random.below(SERVERS)}.example.org`,
    nobody: () => `${random.pick(WORDS)}_${serial++}@host${random.below(SERVERS)}.example.org`,
    guess: () =>
      `${random.pick(WORDS)}${random.below(90_000) + CUSTOMERS}@shop${random.below(DOMAINS)}.example.net`,
    messageId: () =>
      `${random.hex(8).toLowerCase()}.${++serial}@host${random.below(SERVERS)}.example.org`,
    serial: () => ++number,
  };
}

/** The number of one of a customer's networks, the same each time. */
function placeOf(customer: string, nth: number): number {
  let number = nth;
  for (let at = 0; at < customer.length; at++) {
    number = (Math.imul(number, 31) + customer.charCodeAt(at)) >>> 0;
  }
  return number;
}

/** An address in a /16 of IPv4 or, for every fifth network, in a /32 of IPv6. */
function addressAt(random: Random, network: number): string {
  if (network % 5 === 0) return v6In(random, network % 4000);
  return `${240 + ((network >> 8) % 15)}.${network & 255}.${random.below(256)}.${random.below(254) + 1}`;
}

function v4(random: Random): string {
  return `${240 + random.below(15)}.${random.below(256)}.${random.below(256)}.${random.below(254) + 1}`;
}

function v6(random: Random): string {
  return v6In(random, random.below(4000));
}

function v6In(random: Random, network: number): string {
  return `3fff:${(network + 1).toString(16)}:${(random.below(4000) + 1).toString(16)}::${(random.below(200) + 1).toString(16)}`;
}
