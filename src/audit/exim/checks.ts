/** The checks of Exim, one line each. What Exim does not have is not here: `soft_bounce`. */
import type { Check } from '../check.ts';
import { authWithoutTls, noRateLimit, notWired, senderNotBound } from './check/accounts.ts';
import { deadBlocklist, duplicate, nullSenderRefused, order, warnLeft } from './check/acls.ts';
import { forwardLeaves, noSrs, weakBeforeForward } from './check/forwards.ts';
import {
  backupMxBlind,
  bounceAfterQueue,
  catchAll,
  luserRelay,
  noRecipientCheck,
} from './check/recipients.ts';
import { openRelay, percentHack, permitBeforeRelayCheck, wideNetworks } from './check/relay.ts';
import { heloNotRequired, noErrorLimit, noPipeliningCheck, vrfy } from './check/session.ts';
import type { EximFacts } from './facts.ts';

export const EXIM_CHECKS: readonly Check<EximFacts>[] = [
  openRelay,
  wideNetworks,
  permitBeforeRelayCheck,
  percentHack,
  noRecipientCheck,
  catchAll,
  luserRelay,
  backupMxBlind,
  bounceAfterQueue,
  forwardLeaves,
  noSrs,
  weakBeforeForward,
  order,
  deadBlocklist,
  duplicate,
  warnLeft,
  heloNotRequired,
  noPipeliningCheck,
  vrfy,
  noErrorLimit,
  nullSenderRefused,
  authWithoutTls,
  senderNotBound,
  noRateLimit,
  notWired,
];
