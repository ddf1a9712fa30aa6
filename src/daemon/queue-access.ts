/** The mail server's queue as the configuration has it, and whose mail in it belongs to a block. */
import { dropUndefined } from '../base/defined.ts';
import { SECOND } from '../base/time.ts';
import { buildFindPerson } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import { findLogins, findUids } from '../enforce/accounts.ts';
import type { MailQueue, QueueListing, QueueResult } from '../enforce/queue/queue.ts';
import {
  type KnownMessage,
  type MailOwner,
  type OwnerOptions,
  Selection,
} from '../enforce/queue/selection.ts';
import type { Block } from '../model/block.ts';
import { SUBMITTER_TYPES } from '../model/event.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import type { Store } from '../store/store.ts';
import { DAEMON_MTAS } from './mtas.ts';

/** Longest time for looking through the queue at a block. Meanwhile no other block comes into force, but mail flows. */
const LOOKING = 30 * SECOND;

/** Whose queued mail to find, with what the log knows about messages of the queue. */
export interface FindRequest {
  readonly owner: MailOwner;
  readonly known: readonly KnownMessage[];
}

/** A message that was found: as little as is needed to hold it. */
export interface FoundMessage {
  readonly queueId: string;
  readonly held: boolean;
  /** an operator has released it */
  readonly released?: boolean | undefined;
}

export interface FindResult extends Pick<QueueListing, 'unread' | 'failure'> {
  readonly messages: readonly FoundMessage[];
}

/** The queue as far as a block needs it. Its methods do not throw for a failure of the mail server. */
export interface HeldQueue {
  find(request: FindRequest): Promise<FindResult>;
  hold(ids: readonly string[]): Promise<QueueResult>;
}

/** The queue, to list, hold, release and delete mail. */
export function buildQueue(config: Config): MailQueue {
  return DAEMON_MTAS[config.mta].queue(config);
}

export function buildHeldQueue(config: Config): HeldQueue {
  return findAndHold(buildQueue(config), buildOwnerOptions(config));
}

/** The part of a queue that a block needs. */
export function findAndHold(queue: MailQueue, options: OwnerOptions): HeldQueue {
  return {
    async find({ owner, known }) {
      const owners = await listNames(owner);
      const selection = new Selection({ owners, known, isBrief: true, ...options });
      const { messages, ...rest } = await queue.list(selection, LOOKING);
      const found = messages.map(({ queueId, held, released }) =>
        dropUndefined({ queueId, held, released }),
      );
      return { messages: found, ...rest };
    },
    hold: (ids) => queue.act('hold', ids),
  };
}

/** A local account by its number and by its name: Postfix knows the one, Exim the other. */
export async function listNames(owner: MailOwner): Promise<MailOwner[]> {
  if (owner.type !== 'uid') return [owner];
  const { id } = owner;
  const [logins, uids] = await Promise.all([findLogins([id]), findUids([id])]);
  const others = [logins.get(id), uids.get(id.toLowerCase())].filter((name) => name !== undefined);
  return [owner, ...others.map((name) => ({ type: 'uid' as const, id: name }))];
}

/** How the configuration recognizes people. */
export function buildOwnerOptions(config: Config): OwnerOptions {
  return { canonical: buildCanonicalLogin(config.logins), findPerson: buildFindPerson(config) };
}

/** Whose queued mail a block is about. */
export function findOwner({ key, at }: Pick<Block, 'key' | 'at'>): MailOwner {
  if (key.type !== 'sender') return { type: key.type, id: key.id };
  const gateway = SUBMITTER_TYPES.find((type) => type === at?.type);
  if (at === undefined || gateway === undefined) return { type: 'sender', id: key.id };
  return { type: 'sender', id: key.id, at: { type: gateway, id: at.id } };
}

/** What the log says about queued mail that may be meant. */
export function listKnown(store: Store, owner: MailOwner): KnownMessage[] {
  if (owner.type !== 'sender') return store.state.findKnown(owner);
  return owner.at === undefined ? [] : store.state.findKnown(owner.at);
}
