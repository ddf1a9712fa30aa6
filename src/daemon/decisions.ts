/** From verdicts and outages to blocks and notices in the database. All of it runs inside the transaction of a batch. */
import { DAY, HOUR } from '../base/time.ts';
import { type BlockPolicy, type Decision, decide } from '../enforce/decide.ts';
import type { Verdict, VerdictOutcome } from '../model/block.ts';
import type { OutageChange } from '../model/outage.ts';
import { saveOutages } from '../store/outages.ts';
import type { NoticeKind } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';

export interface DecisionOptions {
  readonly store: Store;
  readonly policy: BlockPolicy;
  /** rules whose verdicts are sent by mail; undefined: there is nobody to notify of anything */
  readonly notifyRules?: ReadonlySet<string>;
}

/** Outcomes without a block that are in a notice of their own. */
const TOLD_WITHOUT_BLOCK: ReadonlySet<VerdictOutcome> = new Set([
  'mode-observe',
  'observed',
  'unblockable',
]);

/**
 * Decides on verdicts, and writes down the decisions, the blocks and the notices. `now` in ms; `host`: the other server
 * where they fell.
 */
export function recordVerdicts(
  options: DecisionOptions,
  verdicts: readonly Verdict[],
  now: number,
  host?: string,
): readonly Decision[] {
  if (verdicts.length === 0) return [];
  const { store, policy } = options;
  const running = store.blocks.allRunning();
  // What other servers claim has a cap of its own, so that none of them uses up the one of this server.
  const recentStarts = store.blocks.ruleStartsSince(now - HOUR, host !== undefined);
  const decisions = decide(verdicts, { running, recentStarts, now }, policy);
  const newest = store.events.newest();
  for (const decision of decisions) recordDecision(options, decision, newest, now, host);
  return decisions;
}

function recordDecision(
  options: DecisionOptions,
  { verdict, outcome, block }: Decision,
  newest: number,
  now: number,
  host: string | undefined,
): void {
  const { store, notifyRules } = options;
  const isNotified = notifyRules?.has(verdict.rule) === true;
  const id = store.verdicts.insert(verdict, outcome, newest);
  if (block !== undefined) {
    const started = store.blocks.start({ ...block, verdict: id, host });
    if (started !== undefined && isNotified) {
      addNotice(options, 'verdict', { verdict: id, block: started.id }, now);
    }
    return;
  }
  if (outcome === 'capped') {
    addNotice(options, 'capped', { verdict: id }, now);
    store.occurrences.add('cap', { verdict: id }, now);
  }
  if (isNotified && TOLD_WITHOUT_BLOCK.has(outcome)) {
    addNotice(options, 'verdict', { verdict: id }, now);
  }
}

/**
 * Ends the blocks that were due to the refusals of a provider that now has an outage, and writes down the outages and
 * the notices of those that began within the last day. `now` in ms.
 */
export function recordOutages(
  options: DecisionOptions,
  changes: readonly OutageChange[],
  now: number,
): void {
  if (changes.length === 0) return;
  const { store } = options;
  const newest = store.events.newest();
  for (const change of changes) {
    if (now - (change.outage.ended ?? change.outage.began) < DAY)
      store.occurrences.add('outage', change.outage, now);
    if (change.change === 'ended') continue;
    for (const verdict of change.takenBack) {
      const block = findBlock(store, verdict);
      if (block !== undefined) store.blocks.release(block.id, now, 'guard', newest);
    }
    if (now - change.outage.began < DAY) addNotice(options, 'suspect', change.outage, now);
  }
  saveOutages(store, changes, now);
}

/** The block that runs because of this very verdict. */
function findBlock(store: Store, { key, rule, time }: Verdict): StoredBlock | undefined {
  const block = store.blocks.runningOver(key as StoredBlock['key']);
  if (block?.cause !== rule || block.verdict === undefined) return undefined;
  return store.verdicts.get(block.verdict)?.verdict.time === time ? block : undefined;
}

/** With nobody to notify, notices would only pile up. */
function addNotice(
  { store, notifyRules }: DecisionOptions,
  kind: NoticeKind,
  about: unknown,
  now: number,
): void {
  if (notifyRules !== undefined) store.outbox.tell(kind, about, now);
}
