/**
 * Who sends to whom on the made-up server: customers with their devices, foreign hosts, people abroad, bots, a few
 * accounts whose password was stolen. Only names and networks that are reserved for documentation (RFC 2606, RFC 5737, RFC 3849).
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
  /** a customer's device: the same customer mostly comes from the same place */
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

const NETWORKS = ['192.0.2', '198.51.100', '203.0.113'];
const WORDS = 'anna ben carla dirk eva frank gina hugo ida jan kim lea max nina otto paul'.split(
  ' ',
);
const CUSTOMERS = 600;
const DOMAINS = 120;
const SERVERS = 2000;

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
      if (device === undefined || random.chance(2)) {
        const address = random.chance(20) ? v6(random) : v4(random);
        device = {
          name: random.chance(70) ? `dyn-${random.below(9999)}.isp.example.com` : 'unknown',
          address,
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

function v4(random: Random): string {
  return `${random.pick(NETWORKS)}.${random.below(254) + 1}`;
}

function v6(random: Random): string {
  return `2001:db8:${(random.below(4000) + 1).toString(16)}::${(random.below(200) + 1).toString(16)}`;
}
