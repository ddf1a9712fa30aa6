/** From the configuration to the parts that carry it out; the only place that hands options to stages. */
import { networkInterfaces } from 'node:os';
import { DAY, HOUR } from './base/time.ts';
import type { Config } from './config.ts';
import { type AllowList, allowList, type Policy } from './enforce/desired.ts';
import { eximTargets } from './enforce/exim.ts';
import { postfixTargets } from './enforce/postfix.ts';
import { eximQueue, type MailQueue, postfixQueue } from './enforce/queue.ts';
import type { BlockTarget } from './enforce/target.ts';
import type { InterpreterOptions } from './interpret.ts';
import { Judge } from './judge/judge.ts';
import type { Rule } from './judge/rule.ts';
import { networkSet } from './model/address.ts';
import type { Key } from './model/block.ts';
import type { StoredBlock } from './store/blocks.ts';
import type { Store } from './store/store.ts';
import type { VerdictOutcome } from './store/verdicts.ts';

export function allowListOf(config: Config): AllowList {
  return allowList({ ...config.allow, ownAddresses: ownAddresses() });
}

export function policyOf(config: Config): Policy {
  return {
    mode: config.mode,
    allow: allowListOf(config),
    blocksPerHour: config.caps.blocksPerHour,
  };
}

/** The places where blocks take effect. */
export function targetsOf(config: Config): BlockTarget[] {
  return config.mta === 'exim'
    ? eximTargets(config.targets.exim)
    : postfixTargets(config.targets.postfix);
}

/** The MTA's queue, for holding, releasing and deleting mail. */
export function queueOf(config: Config): MailQueue {
  return config.mta === 'exim'
    ? eximQueue({ command: config.commands.exim })
    : postfixQueue({ command: config.commands.postsuper });
}

/** What reading the configured logs needs to know. */
export function interpreterOptionsOf(config: Config): InterpreterOptions {
  return {
    mta: config.mta,
    zone: config.zone,
    host: config.host,
    ...(config.trustedNetworks === undefined
      ? {}
      : { trusted: networkSet(config.trustedNetworks) }),
    ...(config.notify === undefined ? {} : { noticeSender: config.notify.from }),
  };
}

/** The longest PERIOD of the rules, ms: how far back the windows reach. */
export function longestPeriod(rules: readonly Rule[]): number {
  return Math.max(DAY, ...rules.flatMap((rule) => rule.limits.map(({ period }) => period)));
}

/**
 * A judge in the state that the stored events, releases and running blocks give it. Windows are not stored: they
 * are a function of the events, so they cannot disagree with them, and changed rules see the same past.
 */
export function rebuildJudge(store: Store, rules: readonly Rule[]): Judge {
  const since = store.events.newestTime() - 2 * longestPeriod(rules);
  const judge = new Judge(rules, { offences: store.blocks.offencesBefore(since) });
  const releases = store.blocks.releasedSince(0);
  let next = 0;
  for (const { id, event } of store.events.after(0, since)) {
    for (; (releases[next]?.releasedEvent ?? id) < id; next++) release(judge, releases[next]);
    judge.feed(event);
  }
  for (const block of releases.slice(next)) release(judge, block);
  for (const { verdict, outcome } of store.verdicts.between(since, Number.MAX_SAFE_INTEGER)) {
    if (WITHOUT_BLOCK.has(outcome)) judge.hold(verdict.key, verdict.time + HOUR);
  }
  for (const { key, end } of store.blocks.allRunning()) judge.hold(key, end);
  return judge;
}

/** Outcomes after which the key may be judged again an hour later: nobody was shut out. */
export const WITHOUT_BLOCK: ReadonlySet<VerdictOutcome> = new Set([
  'capped',
  'mode-observe',
  'stale',
]);

function release(judge: Judge, block: StoredBlock | undefined): void {
  if (block?.released !== undefined) judge.release(block.key, block.released);
}

/** The allow list as a judge asks it that only answers who would have been blocked (replay). */
export function isAllowed(allow: AllowList): (key: Key) => boolean {
  return (key) => allow.reason(key) !== undefined;
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}
