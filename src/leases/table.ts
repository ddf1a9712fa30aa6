/** Who had an address at a time, and which addresses somebody has now. Made anew whenever a source has changed. */
import type { Lease } from './lease.ts';

/** The newest leases that are kept, over all addresses. */
const MOST_LEASES = 500_000;

export class LeaseTable {
  /** by address, by start */
  readonly #byAddress = new Map<string, Lease[]>();
  readonly #byPerson = new Map<string, Set<string>>();
  readonly size: number;

  constructor(leases: readonly Lease[], most = MOST_LEASES) {
    // Stable: of two with the same start, the one that was written later holds.
    const sorted = leases.toSorted((a, b) => a.from - b.from).slice(-most);
    this.size = sorted.length;
    for (const lease of sorted) {
      append(this.#byAddress, lease.address, lease);
      const addresses = this.#byPerson.get(lease.person);
      if (addresses === undefined) this.#byPerson.set(lease.person, new Set([lease.address]));
      else addresses.add(lease.address);
    }
  }

  /** Who had the address at `time` (ms); undefined if no lease says. */
  findPerson(address: string, time: number): string | undefined {
    const lease = this.#byAddress.get(address)?.findLast(({ from }) => from <= time);
    if (lease === undefined) return undefined;
    return lease.until === undefined || time < lease.until ? lease.person : undefined;
  }

  /** The addresses that somebody has at `time` (ms), in the order of text. */
  findAddresses(person: string, time: number): string[] {
    const addresses = [...(this.#byPerson.get(person) ?? [])];
    return addresses.filter((address) => this.findPerson(address, time) === person).sort();
  }
}

function append(map: Map<string, Lease[]>, address: string, lease: Lease): void {
  const leases = map.get(address);
  if (leases === undefined) map.set(address, [lease]);
  else leases.push(lease);
}
