/** Where the mail to a recipient goes: the provider that answered, or the recipient's domain when the log names none. */
import { getDomain } from '../model/address.ts';
import type { CountedEvent } from './counted-event.ts';
import { internId } from './key.ts';
import { PROVIDERS } from './outage/provider.ts';

/** Longer domains do not exist (RFC 1035 2.3.4). */
const MAX_DOMAIN = 255;

/** The provider of the host that answered; else the recipient's domain. */
export function getPlace({ relay, recipient }: CountedEvent): string {
  const provider = relay === undefined ? undefined : PROVIDERS.get(relay);
  return provider ?? internId(getDomain(recipient ?? '').slice(0, MAX_DOMAIN));
}
