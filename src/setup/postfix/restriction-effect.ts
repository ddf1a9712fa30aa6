/** What smtpd's restrictions do with whom, as far as their text shows it. Pure. */
import type { Entry } from './restriction-list.ts';

/**
 * Submitters that lists treat differently: a user who has authenticated, from an address outside mynetworks; a client
 * in mynetworks without authentication; somebody else.
 */
export type Party = 'user' | 'client' | 'stranger';

/** Whether a restriction lets its party pass, so that smtpd skips the rest of the list. */
export type Permission = 'always' | 'maybe' | 'never';

/** Restrictions that never permit although a table or a service decides (forbid_allowlist in smtpd_check.c). */
const NO_PERMIT = /^check_(?:.*_(?:ns|mx|a)|reverse_client_hostname)_access$/;

const NEVER = /^(?:reject|defer|sleep$|check_recipient_maps$)/;

/** `offersAuth`: whether the service has smtpd_sasl_auth_enable. */
export function permission({ name }: Entry, party: Party, offersAuth = true): Permission {
  if (name === 'permit') return 'always';
  if (name === 'permit_sasl_authenticated')
    return party === 'user' && offersAuth ? 'always' : 'never';
  if (name === 'permit_mynetworks') return party === 'client' ? 'always' : 'never';
  if (name === 'check_sasl_access') return party === 'user' && offersAuth ? 'maybe' : 'never';
  if (name === '' || NO_PERMIT.test(name) || NEVER.test(name)) return 'never';
  // Tables, policy services, names that this version does not know.
  return 'maybe';
}

/** Whether a restriction refuses everybody who reaches it. */
export function refusesAll({ name, warns }: Entry): boolean {
  return (
    !warns && (name === 'reject' || name === 'defer' || name === 'defer_if_permit' || name === '')
  );
}

/** Refuses a party whatever the message is: the first restriction that does, if none before it may permit. */
export function findRefusal(
  entries: readonly Entry[],
  party: Party,
  offersAuth = true,
): Entry | undefined {
  for (const entry of entries) {
    if (refusesAll(entry)) return entry;
    if (permission(entry, party, offersAuth) !== 'never') return undefined;
  }
  return undefined;
}
