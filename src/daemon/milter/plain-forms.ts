/** Whose mailbox a signed recipient is, for jobs that look at mailboxes: with a right signature or a wrong one. */
import type { ReturnPathConfig } from '../../config/config.ts';
import type { EnvelopeAddress } from '../../milter/handler.ts';
import { isMailbox } from '../../sign/envelope.ts';
import { SCHEMES } from '../../sign/scheme.ts';
import { RETURN_PATH_SCHEMES } from '../../sign/schemes.ts';

/** The form is enough: who has signed it is not asked here. */
const BY_FORM = { keys: [], now: 0 };

/** Gives an address as the signature has it inside, byte string; what is not signed, and not of these domains, as it is. */
export function plainForms({ domains }: Pick<ReturnPathConfig, 'domains'>) {
  const signing = new Set(domains);
  return ({ address, domain }: EnvelopeAddress): string => {
    if (!signing.has(domain) || !address.includes('=')) return address;
    for (const name of SCHEMES) {
      const found = RETURN_PATH_SCHEMES[name].verify(address, BY_FORM);
      if (found.outcome !== 'unsigned' && isMailbox(found.address)) return found.address;
    }
    return address;
  };
}
