/** What a replay makes of events: who would have been blocked, who came near, and what else was asked for. */
import { type AllowSource, buildAllowList, isAllowed } from '../config/allow-list.ts';
import { adjustRules, type RulesConfig } from '../config/rules.ts';
import type { CountedEvent } from '../judge/counted-event.ts';
import { Learner } from '../judge/learn/figures.ts';
import { type Proposals, propose } from '../judge/learn/propose.ts';
import type { Nearest } from '../judge/nearest.ts';
import type { Rule } from '../judge/rule.ts';
import type { Verdict } from '../model/block.ts';
import type { Outage } from '../model/outage.ts';
import { OwnMailboxes } from './own-mailboxes.ts';
import { type RuleTuning, Trial, Tuning } from './tuning.ts';

/** What is to be found out. Plain data, so that another thread may do it. */
export interface TrialTask {
  /** as `loadPlainRules` gives them */
  readonly rules: readonly Rule[];
  /** what changes their limits */
  readonly changes: Pick<RulesConfig, 'hours' | 'overrides' | 'logins'>;
  readonly allow: AllowSource;
  readonly isTuned: boolean;
  /** how many keys a proposed limit may still catch; undefined: nothing is proposed */
  readonly mostCaught: number | undefined;
}

/** What was found out. Plain data, too. */
export interface Findings {
  readonly verdicts: readonly Verdict[];
  readonly nearest: readonly Nearest[];
  readonly outages: readonly Outage[];
  /** mailboxes that our own delivery did not find: how many, and where; undefined: none */
  readonly ownMailboxes: { readonly count: number; readonly text: string } | undefined;
  /** undefined: not asked for */
  readonly tuning: readonly RuleTuning[] | undefined;
  readonly proposals: Proposals | undefined;
}

export class Trials {
  readonly #trial: Trial;
  readonly #tuning: Tuning | undefined;
  readonly #learner: Learner | undefined;
  readonly #ownMailboxes = new OwnMailboxes();
  readonly #mostCaught: number | undefined;

  constructor({ rules, changes, allow, isTuned, mostCaught }: TrialTask) {
    const adjusted = adjustRules(rules, changes);
    const allowed = isAllowed(buildAllowList(allow));
    this.#trial = new Trial(adjusted, allowed);
    // It takes more than as long again.
    this.#tuning = isTuned ? new Tuning(adjusted, allowed) : undefined;
    this.#learner = mostCaught === undefined ? undefined : new Learner(adjusted);
    this.#mostCaught = mostCaught;
  }

  feed(event: CountedEvent): void {
    this.#ownMailboxes.note(event);
    this.#learner?.feed(event);
    this.#trial.feed(event);
    this.#tuning?.feed(event);
  }

  get findings(): Findings {
    const { judge, verdicts, outages } = this.#trial;
    const own = this.#ownMailboxes;
    return {
      verdicts,
      nearest: judge.nearest(),
      outages,
      ownMailboxes: own.size === 0 ? undefined : { count: own.size, text: own.describe() },
      tuning: this.#tuning?.result,
      proposals: this.#learner && propose(this.#learner, verdicts, this.#mostCaught ?? 0),
    };
  }
}
