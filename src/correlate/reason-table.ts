/**
 * THE table: every wording that Postern knows, in order of precedence. The first entry that matches decides.
 * Data only; `reason.ts` is the engine, the wordings stand in `reason/` by what they speak of.
 */
import { AUTHENTICATION, LOOPS } from './reason/authentication.ts';
import { DOMAIN } from './reason/domain.ts';
import type { ReasonEntry } from './reason/entry.ts';
import { HOSTS } from './reason/host.ts';
import { FULL, PERSON } from './reason/mailbox.ts';
import { CONTENT, MESSAGE_REFUSED, POLICY, SIZE } from './reason/message.ts';
import { HOST_REFUSED, SENDERS } from './reason/sender.ts';
import { NETWORK, SYSTEM } from './reason/transport.ts';

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
