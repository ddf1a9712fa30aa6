/**
 * From the figures of old logs to proposals: overrides for those who would have been caught although nothing speaks
 * against them, and the limits that would have caught only a few. An account that may be stolen gets no override; the
 * proposal says why instead.
 */
import type { Key, Verdict } from '../../model/block.ts';
import type { Limit, Rule } from '../rule.ts';
import type { Figures, Learner, Outcome, Reached } from './figures.ts';

/** Large sending services review an account from this share of dead addresses on, in percent. */
const HIGH_INVALID = 5;
/** With fewer of them a share says nothing. */
const FEW_INVALID = 10;
/** How much more than its highest a key may send. */
const ROOM = 1.5;

/** What the logs say about a key and a rule. */
export interface Caught {
  /** name of the rule */
  readonly rule: string;
  readonly key: Key;
  /** the limits that it reached; at least one */
  readonly reached: readonly Reached[];
  readonly outcome: Outcome;
}

export interface ProposedOverride extends Caught {
  /** in the numbers of the first limit of the rule; its other limits grow with it */
  readonly limit: number;
}

/** No override, and why. */
export interface Withheld extends Caught {
  readonly why: string;
}

/** The smallest limit that spares all but a few. */
export interface ProposedLimit {
  readonly rule: string;
  readonly limit: Limit;
  readonly smallest: number;
  /** who reaches it, highest first */
  readonly caught: readonly { readonly key: Key; readonly highest: number }[];
}

export interface Proposals {
  readonly overrides: readonly ProposedOverride[];
  readonly withheld: readonly Withheld[];
  readonly limits: readonly ProposedLimit[];
}

/** `verdicts`: of the rules on the same logs. `most`: how many keys a proposed limit may still catch. */
export function propose(learner: Learner, verdicts: readonly Verdict[], most: number): Proposals {
  const figures = learner.figures();
  const overrides: ProposedOverride[] = [];
  const withheld: Withheld[] = [];
  for (const { rule, key, reached } of figures) {
    const met = reached.filter(({ highest, limit }) => highest >= limit.limit);
    if (met.length === 0) continue;
    const caught = { rule: rule.name, key, reached: met, outcome: learner.outcome(key) };
    const why = findSuspicion(caught, verdicts);
    if (why === undefined) overrides.push({ ...caught, limit: findRoom(rule, reached) });
    else withheld.push({ ...caught, why });
  }
  return { overrides, withheld, limits: findLimits(figures, most) };
}

/** What speaks against the key, as the end of a sentence. */
function findSuspicion({ key, reached, outcome }: Caught, verdicts: readonly Verdict[]) {
  const { invalid, recipients } = outcome;
  const share = recipients === 0 ? 0 : Math.min(100, Math.round((100 * invalid) / recipients));
  if (invalid >= FEW_INVALID && share >= HIGH_INVALID)
    return `${invalid} of ${recipients} recipients (${share} %) do not exist: it may be stolen`;
  const others = verdicts.filter(({ key: { type, id } }) => type === key.type && id === key.id);
  const block = others.find(({ action }) => action === 'block');
  if (block !== undefined) return `the rule ${block.rule} blocks it: it may be stolen`;
  const away = others.find(({ past }) => past?.new?.kind.startsWith('client'));
  if (away !== undefined)
    return `it sent from networks that it had never used (${away.rule}): it may be stolen`;
  const days = new Set(reached.flatMap((one) => one.days));
  if (days.size < 2)
    return 'it reached the limit on one day only: it may be stolen, with a good list. Ask its owner';
  return undefined;
}

/** A limit, in the numbers of the rule's first limit, that leaves room above all that was reached. */
function findRoom({ limits }: Rule, reached: readonly Reached[]): number {
  const first = limits[0]?.limit ?? 1;
  const needed = reached.map(({ highest, limit }) => (highest * first) / limit.limit);
  return roundUp(ROOM * Math.max(...needed));
}

/** Up to two figures: 1260 to 1300. */
export function roundUp(number: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(number)) - 1);
  return Math.ceil(number / unit) * unit;
}

function findLimits(figures: readonly Figures[], most: number): ProposedLimit[] {
  return [...new Set(figures.map(({ rule }) => rule))].flatMap((rule) =>
    rule.limits.map((limit, index) => {
      const all = figures
        .filter((one) => one.rule === rule)
        .map(({ key, reached }) => ({ key, highest: reached[index]?.highest ?? 0 }))
        .sort((a, b) => b.highest - a.highest);
      // Several keys can have reached the same: then it spares them all.
      const smallest = (all[most]?.highest ?? 0) + 1;
      const caught = all.filter(({ highest }) => highest >= smallest);
      return { rule: rule.name, limit, smallest, caught };
    }),
  );
}
