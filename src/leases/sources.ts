/**
 * The files that say who had an address, read again when they change. A file that is missing or cannot be read costs its
 * answers and nothing else: the last ones that were read stay, and `failures` names it.
 */
import { readFileSync } from 'node:fs';
import { ChangedFile } from '../base/changed-file.ts';
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
  readonly changed: ChangedFile<readonly Lease[]>;
  failure?: string | undefined;
}

/** How often to look whether a file has changed, ms. */
const LOOK = SECOND;

export class LeaseSources {
  readonly #sources: readonly ReadSource[];
  #table = new LeaseTable([]);
  #looked = Number.NEGATIVE_INFINITY;

  /** `canonical` makes the one form of a name, as for logins; default: as the source has it, in lower case. */
  constructor(
    sources: readonly LeaseSource[],
    canonical: (person: string) => string = (name) => name,
  ) {
    this.#sources = sources.map((source) => {
      const read = () => readLeases(source, canonical);
      return { changed: new ChangedFile<readonly Lease[]>(source.file, read, []) };
    });
  }

  /** The leases as the files say now; `now` in ms. */
  table(now: number): LeaseTable {
    if (now - this.#looked < LOOK && now >= this.#looked) return this.#table;
    this.#looked = now;
    const read = this.#sources.filter(look);
    if (read.length > 0) {
      this.#table = new LeaseTable(this.#sources.flatMap(({ changed }) => changed.value));
    }
    return this.#table;
  }

  /** Files that could not be read at `now` (ms), each with the reason. */
  failures(now: number): string[] {
    this.table(now);
    return this.#sources.flatMap(({ changed, failure }) =>
      failure === undefined ? [] : [`${changed.file}: ${failure}`],
    );
  }
}

/** Reads a file if it is not the one that was read last. Returns whether its leases have changed. */
function look(source: ReadSource): boolean {
  try {
    const isRead = source.changed.look();
    source.failure = undefined;
    return isRead;
  } catch (error) {
    source.failure = getMessage(error);
    return false;
  }
}

function readLeases(
  { file, format, field }: LeaseSource,
  canonical: (person: string) => string,
): Lease[] {
  const leases = LEASE_PARSERS[format](readFileSync(file, 'utf8'), field);
  return leases.map((one) => ({ ...one, person: canonical(one.person) }));
}
