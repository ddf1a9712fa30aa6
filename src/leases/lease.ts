/** A lease: who had an address, and when. What every source of leases is read into. */

/** `until` is undefined while nobody knows the end. Times in ms since the epoch. */
export interface Lease {
  /** canonical IP address */
  readonly address: string;
  /** the person, as the source names it */
  readonly person: string;
  readonly from: number;
  readonly until: number | undefined;
}

/** Reads the text of one source. Entries that it cannot read are passed over. Never throws. */
export type LeaseParser = (text: string, field: string | undefined) => Lease[];

/** Longer than any name that a lease server writes; what is longer names nobody. */
const LONGEST_PERSON = 256;

/** A name that can stand for a person: not empty, not too long, printable; in lower case, as logins are compared. */
export function cleanPerson(text: string | undefined): string | undefined {
  const person = text?.trim().toLowerCase() ?? '';
  if (person === '' || person.length > LONGEST_PERSON) return undefined;
  return /[\x00-\x1f\x7f-\x9f]/.test(person) ? undefined : person;
}
