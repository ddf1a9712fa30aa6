/** Whether a block is in force, and what was done about it: for lists of blocks, mails and `postern explain`. */

import { dropUndefined } from '../base/defined.ts';
import { counted } from '../base/text.ts';
import type { Config } from '../config/load.ts';
import { getTargetKind, type TargetKind } from '../enforce/target.ts';
import type { Block, KeyType } from '../model/block.ts';
import type { Measures } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import { PLAIN_STYLE } from '../model/style.ts';
import { describeRelease } from '../report/block.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { countHeld, listUnheld } from './held-queue.ts';
import { buildTargets, isServedByPolicy } from './mta-control.ts';
import { DAEMON_MTAS } from './mtas.ts';

/** `why`: what prevents it from coming into force, as the end of a sentence; undefined: it will be in force soon. */
export type InForce =
  | { readonly inForce: true }
  | { readonly inForce: false; readonly why?: string };

/**
 * A function that says whether a block is in force. It goes by what the files of the configured targets list now, in
 * observe mode too, because that leaves the files as they are. The files' state is read once, for all blocks.
 */
export function loadInForce(store: Store, config: Config): (block: Block) => InForce {
  const listed = readListedBlocks(store, config);
  const passed = new Map(listPassed(store, config).map(({ block, why }) => [block, why]));
  return (block) => {
    const { id, key } = block;
    const pass = passed.get(id);
    if (listed.has(id) && pass === undefined) return { inForce: true };
    const observing = config.mode === 'observe' ? 'observe mode' : undefined;
    if (observing === undefined && isServedByPolicy(config.policy !== undefined, block))
      return { inForce: true };
    const why = findMissingTarget(config, getTargetKind(key)) ?? observing ?? pass;
    return dropUndefined({ inForce: false, why });
  };
}

/** Why no block of this kind can take effect with this configuration; undefined if it can. */
export function findMissingTarget(config: Config, kind: TargetKind): string | undefined {
  const targets = buildTargets(config);
  if (targets.some(({ accepts }) => accepts.includes(kind))) return undefined;
  const hasClients =
    kind === 'network' && targets.some(({ accepts }) => accepts.includes('client'));
  if (hasClients)
    return `networks need a table of the type cidr (targets.${config.mta}.client.type)`;
  const option = kind === 'network' ? 'client' : kind;
  return `no target for ${kind} (targets.${config.mta}.${option} is false)`;
}

/**
 * Why an identity cannot be written into any of the targets that take such identities, as the end of a sentence;
 * undefined if it can, if the policy service blocks it anyway, and for accounts, whose names have to be looked up first.
 */
export function findInexpressible(config: Config, key: Block['key']): string | undefined {
  const actions = DAEMON_MTAS[config.mta].policyActions(config);
  if (config.policy !== undefined && key.type !== 'uid' && actions[key.type]) return undefined;
  const reasons = buildTargets(config)
    .filter(({ accepts, findUids }) => accepts.includes(getTargetKind(key)) && !findUids)
    .map((target) => {
      const entry = target.renderEntry(key);
      return 'reason' in entry ? entry.reason : undefined;
    });
  return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined;
}

/** Whether one sender can be shut out at a gateway. Postfix cannot refuse a sender to a local account. */
export function canShutOutSenders(config: Config, gateway: KeyType): boolean {
  if (config.mta === 'postfix' && gateway !== 'client') return false;
  return findMissingTarget(config, 'sender') === undefined;
}

/** Blocks that a line of the operator lets pass, in the files of the configured targets. */
export function listPassed(
  store: Store,
  config: Config,
): readonly { readonly block: number; readonly why: string }[] {
  return buildTargets(config).flatMap(({ name }) => store.state.target(name)?.passed ?? []);
}

/** Numbers of the blocks in files that the mail server uses. */
function readListedBlocks(store: Store, config: Config): ReadonlySet<number> {
  const enforced = store.state.enforced();
  const used = buildTargets(config).filter(({ name }) => {
    const state = store.state.target(name);
    return state?.pending !== true;
  });
  return new Set(used.flatMap(({ name }) => [...(enforced.get(name) ?? [])]));
}

/** What was done about a block, in sentences; what is not done yet is mentioned as well. */
export function describeMeasures(
  store: Store,
  block: StoredBlock | undefined,
  style = PLAIN_STYLE,
): Measures {
  if (block === undefined) return ['Nothing was changed: Postern only observes here.'];
  if (block.released !== undefined)
    return [`Ended ${style.time(block.released)}: ${describeRelease(block)}.`];
  const files = describeTargets(store, block.id);
  const measures = [
    ...files,
    ...describeGateway(block, files.length > 0),
    ...describePeople(store, block),
    ...describeQueue(store, block.id),
  ];
  return measures.length === 0 ? ['NOT in force: see postern status.'] : measures;
}

/** How many people the block of a gateway hits. */
function describePeople(store: Store, { verdict }: StoredBlock): string[] {
  const people = verdict === undefined ? undefined : store.verdicts.get(verdict)?.verdict.people;
  if (people === undefined) return [];
  return [`This hits ${people} different senders that wrote through it in the period of the rule.`];
}

/** Where a sender behind a gateway is shut out. */
function describeGateway({ at }: Block, isListed: boolean): string[] {
  if (at === undefined) return [];
  const gateway = formatIdentity(at);
  return isListed
    ? [
        `The sender is shut out everywhere, since block files know no places. It was found at ${gateway}.`,
      ]
    : [`The sender is shut out at ${gateway} only, by the policy service.`];
}

function describeTargets(store: Store, block: number): string[] {
  const listed = store.state.enforced();
  return store.state.targets().flatMap(({ name, state }) => {
    const { file, failure, pending, passed = [] } = state;
    const pass = passed.find((each) => each.block === block);
    if (pass !== undefined) return [`NOT in force: ${pass.why}.`];
    if (listed.get(name)?.has(block) !== true) {
      return failure === undefined ? [] : [`NOT in force yet: ${failure}`];
    }
    return pending
      ? [`Listed in ${file}; the mail server has not read it yet.`]
      : [`Listed in ${file}.`];
  });
}

function describeQueue(store: Store, block: number): string[] {
  const held = countHeld(store, block);
  const unheld = listUnheld(store).find((each) => each.block === block);
  return [
    ...(held > 0 ? [`Held in the queue: ${counted(held, 'message')}.`] : []),
    ...(unheld === undefined ? [] : [`Queued mail is NOT held yet: ${unheld.failure}`]),
  ];
}
