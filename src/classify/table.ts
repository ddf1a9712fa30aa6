/**
 * THE table: every wording that Postern knows, in order of precedence. The first entry that matches decides.
 * Data only; `reason.ts` is the engine, the wordings stand in `reason/` by what they speak of.
 */

import type { ReasonEntry } from './entry.ts';
import { AUTHENTICATION, LOOPS } from './wordings/authentication.ts';
import { DOMAIN } from './wordings/domain.ts';
import { HOSTS } from './wordings/host.ts';
import { FULL, PERSON } from './wordings/mailbox.ts';
import { CONTENT, MESSAGE_REFUSED, POLICY, SIZE } from './wordings/message.ts';
import { HOST_REFUSED, SENDERS } from './wordings/sender.ts';
import { NETWORK, SYSTEM } from './wordings/transport.ts';

export const REASON_TABLE: readonly ReasonEntry[] = [
  ...LOOPS,
  ...SIZE,
  ...AUTHENTICATION,
  ...FULL,
  ...HOSTS,
  ...SENDERS,
  ...CONTENT,
  ...POLICY,
  ...PERSON,
  ...DOMAIN,
  ...NETWORK,
  ...HOST_REFUSED,
  ...MESSAGE_REFUSED,
  ...SYSTEM,
];
