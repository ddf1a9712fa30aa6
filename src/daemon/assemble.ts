/** From the configuration to the parts that carry it out; the only place that hands options to stages. */
import { DAY, HOUR } from '../base/time.ts';
import { buildAllowList } from '../config/allow-list.ts';
import { ACTION_TEXTS, type Config } from '../config/load.ts';
import { exceptAllowed } from '../enforce/allowed-targets.ts';
import type { BlockPolicy } from '../enforce/decide.ts';
import { eximTargets } from '../enforce/exim.ts';
import { postfixTargets } from '../enforce/postfix.ts';
import { eximQueue, type MailQueue, postfixQueue } from '../enforce/queue.ts';
import { reconcile } from '../enforce/reconcile.ts';
import type { BlockTarget } from '../enforce/target.ts';
import { Judge } from '../judge/judge.ts';
import { OUTAGE_REACH } from '../judge/outage/detector.ts';
import type { Rule } from '../judge/rule.ts';
import type { Verdict, VerdictOutcome } from '../model/block.ts';
import type { Position } from '../model/line.ts';
import type { PolicyActions } from '../policy/blocklist.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import type { MtaControl } from './enforcer.ts';

export function buildBlockPolicy(config: Config): BlockPolicy {
  return {
    mode: config.mode,
    allow: buildAllowList(config),
    blocksPerHour: config.caps.blocksPerHour,
  };
}

/** The places where blocks take effect. */
export function buildTargets(config: Config): BlockTarget[] {
  return config.mta === 'exim'
    ? eximTargets(config.targets.exim)
    : postfixTargets(config.targets.postfix);
}

/**
 * What the policy service answers for each kind of block: what stands in the map of that kind, so that both agree.
 * Exim's ACL decides by itself what a hold is.
 */
export function buildPolicyActions(config: Config): PolicyActions {
  if (config.mode === 'observe') return {};
  if (config.mta === 'exim') {
    const action = `HOLD ${ACTION_TEXTS.HOLD}`;
    return { user: action, client: action, sender: action };
  }
  const maps = config.targets.postfix;
  const kinds = (['user', 'client', 'sender'] as const).flatMap((kind) => {
    const map = maps[kind];
    return map === undefined ? [] : [[kind, `${map.action} ${map.text}`.trim()]];
  });
  return Object.fromEntries(kinds);
}

/** The MTA's queue, for holding, releasing and deleting mail. */
export function buildQueue(config: Config): MailQueue {
  return config.mta === 'exim'
    ? eximQueue({ command: config.commands.exim })
    : postfixQueue({ command: config.commands.postsuper });
}

/** Targets and queue, in this process; without targets when the MTA must not be touched. */
export function buildMtaControl(config: Config): MtaControl {
  const allow = buildAllowList(config);
  const isEnforcing = config.mode === 'enforce';
  const all = buildTargets(config);
  const targets = isEnforcing ? all.map((target) => exceptAllowed(target, allow)) : [];
  return {
    targets,
    configured: all.map(({ name }) => name),
    reconcile: (request) => reconcile(targets, request),
    queue: isEnforcing && config.queue.hold ? buildQueue(config) : undefined,
  };
}

/** The longest PERIOD of the rules, ms: how far back the windows reach. */
export function longestPeriod(rules: readonly Rule[]): number {
  return Math.max(DAY, ...rules.flatMap((rule) => rule.limits.map(({ period }) => period)));
}

/** How far back events are fed again, ms: windows reach one period back, what they leave out another one. */
function measureReach(rules: readonly Rule[]): number {
  return Math.max(2 * longestPeriod(rules), OUTAGE_REACH);
}

/**
 * A judge in the state that the stored events, verdicts, releases and running blocks give it. Windows are not stored:
 * they are a function of the events, so they cannot disagree with them, and changed rules see the same past.
 * `now` in ms: one stamp from the future must not hide the past.
 */
export function rebuildJudge(store: Store, rules: readonly Rule[], now: number): Judge {
  const since = Math.min(store.events.newestTime(), now) - measureReach(rules);
  const judge = new Judge(rules, { offences: store.blocks.offencesBefore(since) });
  const stored = store.verdicts.between(since, Number.MAX_SAFE_INTEGER);
  const outcomes = new Map(stored.map(({ verdict, outcome }) => [nameVerdict(verdict), outcome]));
  const fresh = new Set(
    stored.flatMap(({ verdict, outcome }) => (outcome === 'stale' ? [] : [namePlace(verdict)])),
  );
  const releases = store.blocks.releasedSince(0);
  let next = 0;
  for (const { id, event } of store.events.after(0, since)) {
    for (; (releases[next]?.releasedEvent ?? id) < id; next++) release(judge, releases[next]);
    // Only verdicts that were given then count as given; in the far future all others are stale, which changes nothing.
    const then = fresh.has(namePlace(event)) ? undefined : Number.MAX_SAFE_INTEGER;
    for (const verdict of judge.feed(event, then)) {
      const outcome = outcomes.get(nameVerdict(verdict));
      if (outcome !== undefined && WITHOUT_BLOCK.has(outcome)) {
        judge.hold(verdict.key, verdict.time + HOUR);
      }
    }
  }
  for (const block of releases.slice(next)) release(judge, block);
  for (const { verdict, outcome } of stored) {
    if (WITHOUT_BLOCK.has(outcome)) judge.hold(verdict.key, verdict.time + HOUR);
  }
  for (const { key, end } of store.blocks.allRunning()) judge.hold(key, end);
  judge.takeOutageChanges(); // told when they were committed
  return judge;
}

function nameVerdict(verdict: Verdict): string {
  const { rule, key } = verdict;
  return `${rule} ${key.type} ${key.id} ${namePlace(verdict)}`;
}

/** With the time: another file may have had the same name. */
function namePlace({ source, line, offset, time }: Position & { readonly time: number }): string {
  return `${source} ${line} ${offset} ${time}`;
}

/** Outcomes after which the key may be judged again an hour later: nobody was shut out. After a stale one at once. */
export const WITHOUT_BLOCK: ReadonlySet<VerdictOutcome> = new Set([
  'capped',
  'mode-observe',
  'allowed',
  'unblockable',
]);

/** Tells a judge that a block has ended. */
export function release(judge: Judge, block: StoredBlock | undefined): void {
  if (block?.released === undefined) return;
  if (block.releasedBy === 'guard') judge.unhold(block.key);
  else judge.release(block.key, block.released);
}
