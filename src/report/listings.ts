/** Our listings on DNS blocklists as a report shows them. */
import { formatTimes } from '../base/time.ts';
import type { StoredListing } from '../model/listing.ts';

/** A listing for programs: times as RFC 3339. */
export function listingToJson(listing: StoredListing): Record<string, unknown> {
  return formatTimes(listing, 'began', 'ended');
}
