/** Everything that changes the mail server: its block files and its queue, as the configuration has them. */

import { buildAllowList } from '../config/allow-list.ts';
import { buildLeaseSources } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import { exceptAllowed } from '../enforce/allow-list.ts';
import { type ReconcileRequest, type Reconciliation, reconcile } from '../enforce/reconcile.ts';
import type { BlockTarget } from '../enforce/target.ts';
import type { LeaseTable } from '../leases/table.ts';
import type { Block } from '../model/block.ts';
import { DAEMON_MTAS } from './mtas.ts';
import { buildHeldQueue, type HeldQueue } from './queue-access.ts';
import { withImpliedSpellings } from './spellings.ts';

/** In this process, or through the process that has the rights to do it (src/daemon/enforce/remote-control.ts). */
export interface MtaControl {
  readonly targets: readonly Pick<BlockTarget, 'name' | 'file'>[];
  /** names of all targets of the configuration: in observe mode they exist, and must not be touched */
  readonly configured: readonly string[];
  /** whether the policy service shuts out senders at their gateways: then no file lists them */
  readonly hasPolicy?: boolean;
  /** never throws for a failure of the environment, see src/enforce/reconcile.ts */
  reconcile(request: ReconcileRequest): Promise<Reconciliation>;
  /** holds the queued mail of a new block; undefined: queued mail is left alone */
  readonly queue?: HeldQueue | undefined;
}

/** The places where blocks take effect. */
export function buildTargets(config: Config): BlockTarget[] {
  return DAEMON_MTAS[config.mta].targets(config);
}

/**
 * Whether the policy service alone carries out the block: it can shut out a sender at one gateway. A block file would
 * shut out the sender everywhere.
 */
export function isServedByPolicy(hasPolicy: boolean, { at }: Block): boolean {
  return hasPolicy && at?.type === 'client';
}

/**
 * Targets and queue, in this process; without targets if the MTA must not be touched. Throws a PosternError for a
 * target that would write wrong lines.
 */
export function buildMtaControl(config: Config): MtaControl {
  const allow = buildAllowList(config);
  const isEnforcing = config.mode === 'enforce';
  const all = buildTargets(config);
  const targets = isEnforcing ? all.map((target) => exceptAllowed(target, allow)) : [];
  const leases = buildLeaseSources(config);
  const complete = (block: Block, now: number) =>
    withAddresses(leases.table(now), withImpliedSpellings(config, block), now);
  return {
    targets,
    configured: all.map(({ name }) => name),
    hasPolicy: config.policy !== undefined,
    reconcile: (request) =>
      reconcile(targets, {
        ...request,
        blocks: request.blocks.map((block) => complete(block, request.now)),
      }),
    queue: isEnforcing && config.queue.hold ? buildHeldQueue(config) : undefined,
  };
}

/** Adds the addresses that the person has now. So a block follows the person to the next address. */
function withAddresses(leases: LeaseTable, block: Block, now: number): Block {
  const addresses = block.key.type === 'user' ? leases.findAddresses(block.key.id, now) : [];
  return addresses.length === 0 ? block : { ...block, addresses };
}
