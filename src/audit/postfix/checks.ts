/** The checks of Postfix, one line each. */
import type { Check } from '../check.ts';
import { authWithoutTls, noRateLimit, notWired, senderNotBound } from './check/accounts.ts';
import { bounceAfterQueue } from './check/filter.ts';
import { forwardLeaves, noSrs, weakBeforeForward } from './check/forwards.ts';
import { deadBlocklist, duplicate, nullSenderRefused, order, warnLeft } from './check/lists.ts';
import { backupMxBlind, catchAll, luserRelay, noRecipientCheck } from './check/recipients.ts';
import { openRelay, percentHack, permitBeforeRelayCheck, wideNetworks } from './check/relay.ts';
import {
  heloNotRequired,
  noErrorLimit,
  noPipeliningCheck,
  softBounce,
  vrfy,
} from './check/session.ts';
import type { PostfixFacts } from './facts.ts';

export const POSTFIX_CHECKS: readonly Check<PostfixFacts>[] = [
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
  softBounce,
  nullSenderRefused,
  authWithoutTls,
  senderNotBound,
  noRateLimit,
  notWired,
];
