/**
 * The files that say who had an address, read again when they change. A file that is missing or cannot be read costs its
 * answers and nothing else: the last ones that were read stay, and `failures` names it.
 */
import { readFileSync, statSync } from 'node:fs';
import { getMessage } from '../base/errors.ts';
import { SECOND } from '../base/time.ts';
import { parseCsvLeases } from './csv.ts';
import { parseIscLeases } from './isc-dhcpd.ts';
import type { Lease, LeaseParser } from './lease.ts';
import { parseRadiusDetail } from './radius-detail.ts';
import { LeaseTable } from './table.ts';

export const LEASE_PARSERS = {
  'isc-dhcpd': parseIscLeases,
  kea: parseCsvLeases,
  'radius-detail': parseRadiusDetail,
  csv: parseCsvLeases,
} as const satisfies Record<string, LeaseParser>;

export type LeaseFormat = keyof typeof LEASE_PARSERS;

export const LEASE_FORMATS = Object.keys(LEASE_PARSERS) as LeaseFormat[];

export interface LeaseSource {
  readonly file: string;
  readonly format: LeaseFormat;
  /** what names the person, if not the usual field of the format */
  readonly field?: string | undefined;
}

interface ReadSource {
  readonly leases: readonly Lease[];
  /** inode, size and time of change of what was read */
  readonly stamp: string;
  readonly failure?: string;
}

/** How often to look whether a file has changed, ms. */
const LOOK = SECOND;

export class LeaseSources {
  readonly #sources: readonly LeaseSource[];
  readonly #canonical: (person: string) => string;
  readonly #read = new Map<LeaseSource, ReadSource>();
  #table = new LeaseTable([]);
  #looked = Number.NEGATIVE_INFINITY;

  /** `canonical` makes the one form of a name, as for logins; default: as the source has it, in lower case. */
  constructor(
    sources: readonly LeaseSource[],
    canonical: (person: string) => string = (name) => name,
  ) {
    this.#sources = sources;
    this.#canonical = canonical;
  }

  /** The leases as the files say now; `now` in ms. */
  table(now: number): LeaseTable {
    if (now - this.#looked < LOOK && now >= this.#looked) return this.#table;
    this.#looked = now;
    const changed = this.#sources.filter((source) => this.#reread(source));
    if (changed.length > 0) {
      this.#table = new LeaseTable([...this.#read.values()].flatMap(({ leases }) => leases));
    }
    return this.#table;
  }

  /** Files that could not be read at `now` (ms), each with the reason. */
  failures(now: number): string[] {
    this.table(now);
    return this.#sources.flatMap((source) => {
      const failure = this.#read.get(source)?.failure;
      return failure === undefined ? [] : [`${source.file}: ${failure}`];
    });
  }

  /** Reads a file if it is not the one that was read last. Returns whether its leases have changed. */
  #reread(source: LeaseSource): boolean {
    const before = this.#read.get(source);
    try {
      const { ino, size, mtimeMs } = statSync(source.file);
      const stamp = `${ino} ${size} ${mtimeMs}`;
      if (before?.stamp === stamp && before.failure === undefined) return false;
      const leases = LEASE_PARSERS[source.format](readFileSync(source.file, 'utf8'), source.field);
      const named = leases.map((one) => ({ ...one, person: this.#canonical(one.person) }));
      this.#read.set(source, { leases: named, stamp });
      return true;
    } catch (error) {
      const failure = getMessage(error);
      this.#read.set(source, { leases: before?.leases ?? [], stamp: '', failure });
      return false;
    }
  }
}
