/** All stories. To add one, write it in a file here; to add a file, name it below. */
import { listStories, type Pair } from '../story.ts';
import { GATEWAYS } from './gateways.ts';
import { INBOUND } from './inbound.ts';
import { LISTS } from './lists.ts';
import { MAILBOXES } from './mailboxes.ts';
import { NETWORKS } from './networks.ts';
import { QUEUES } from './queues.ts';
import { RELAYS } from './relays.ts';
import { REPLIES } from './replies.ts';
import { THIEVES } from './thieves.ts';
import { VOLUMES } from './volumes.ts';

export const PAIRS: readonly Pair[] = [
  ...LISTS,
  ...VOLUMES,
  ...THIEVES,
  ...RELAYS,
  ...GATEWAYS,
  ...NETWORKS,
  ...MAILBOXES,
  ...REPLIES,
  ...INBOUND,
  ...QUEUES,
];

export const STORIES = listStories(PAIRS);
