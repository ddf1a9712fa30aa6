/** What DNS blocklists say about our addresses and names (RFC 5782). */

/**
 * `refused`: the list does not serve this resolver. `dead`: the list no longer works, or does not pass the test of
 * RFC 5782. `unknown`: there was no answer. Only `listed` and `clear` say something about the address.
 */
export type ListingState = 'listed' | 'clear' | 'refused' | 'dead' | 'unknown';

/**
 * What a listing costs: mail is refused, only bounces are refused, or hardly anything (`information`: it is about a
 * whole network).
 */
export const COSTS = ['mail', 'bounces', 'information'] as const;
export type Cost = (typeof COSTS)[number];

/** The answer of one list about one address or name. */
export interface ListingResult {
  /** canonical IP address, or a domain in lower case */
  readonly address: string;
  /** the list's name, see lists/dnsbl.yaml */
  readonly list: string;
  readonly state: ListingState;
  /** addresses in 127/8 that the list answered */
  readonly codes: readonly string[];
  /** a sentence without a full stop: what the codes mean, or why there is no answer */
  readonly meaning: string;
  /** how to be removed; empty unless `listed` */
  readonly removal: string;
  readonly cost: Cost;
}

/** An address is on a list now, or no longer. */
export interface ListingChange extends ListingResult {
  readonly state: 'listed' | 'clear';
  /** when it was noticed, ms */
  readonly time: number;
}

/** A listing as it is stored. Times in ms. */
export interface StoredListing {
  readonly address: string;
  readonly list: string;
  readonly codes: readonly string[];
  readonly meaning: string;
  readonly cost: Cost;
  /** when it was first seen */
  readonly began: number;
  /** when it was seen to be over; absent while it lasts */
  readonly ended?: number;
}
