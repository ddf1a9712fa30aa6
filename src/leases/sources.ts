/**
 * The files that say who had an address, read again when they change. A file that is missing or cannot be read costs its
 * answers and nothing else: the last ones that were read stay, and `failures` names it.
 */
import { readFileSync } from 'node:fs';
import { readStamp } from '../base/changed-file.ts';
import { getMessage } from '../base/errors.ts';
import { SECOND } from '../base/time.ts';
import { parseCsvLeases } from './csv.ts';
import { listLeaseFiles } from './files.ts';
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
  /** with `*` in its last part, several files */
  readonly file: string;
  readonly format: LeaseFormat;
  /** what names the person, if not the usual field of the format */
  readonly field?: string | undefined;
}

interface ReadSource {
  readonly source: LeaseSource;
  leases: readonly Lease[];
  /** of the files that were read last */
  stamp?: string;
  failure?: string | undefined;
}

/** How often to look whether a file has changed, ms. */
const LOOK = SECOND;

export class LeaseSources {
  readonly #sources: readonly ReadSource[];
  readonly #canonical: (person: string) => string;
  #table = new LeaseTable([]);
  #looked = Number.NEGATIVE_INFINITY;

  /** `canonical` makes the one form of a name, as for logins; default: as the source has it, in lower case. */
  constructor(
    sources: readonly LeaseSource[],
    canonical: (person: string) => string = (name) => name,
  ) {
    this.#sources = sources.map((source) => ({ source, leases: [] }));
    this.#canonical = canonical;
  }

  /** The leases as the files say now; `now` in ms. */
  table(now: number): LeaseTable {
    if (now - this.#looked < LOOK && now >= this.#looked) return this.#table;
    this.#looked = now;
    const read = this.#sources.filter((source) => look(source, this.#canonical));
    if (read.length > 0) {
      this.#table = new LeaseTable(this.#sources.flatMap(({ leases }) => leases));
    }
    return this.#table;
  }

  /** Files that could not be read at `now` (ms), each with the reason. */
  failures(now: number): string[] {
    this.table(now);
    return this.#sources.flatMap(({ source, failure }) =>
      failure === undefined ? [] : [`${source.file}: ${failure}`],
    );
  }
}

/** Reads the files of a source if they are not those that were read last. Returns whether its leases have changed. */
function look(read: ReadSource, canonical: (person: string) => string): boolean {
  try {
    const files = listLeaseFiles(read.source.file);
    if (files.length === 0) throw new Error('there is no such file');
    const stamp = files.map((file) => `${file} ${readStamp(file)}`).join('\n');
    read.failure = undefined;
    if (stamp === read.stamp) return false;
    read.leases = readLeases(files, read.source, canonical);
    read.stamp = stamp;
    return true;
  } catch (error) {
    read.failure = getMessage(error);
    return false;
  }
}

/** One text of all files: a session goes on in the next. */
function readLeases(
  files: readonly string[],
  { format, field }: LeaseSource,
  canonical: (person: string) => string,
): Lease[] {
  const text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const leases = LEASE_PARSERS[format](text, field);
  return leases.map((one) => ({ ...one, person: canonical(one.person) }));
}
