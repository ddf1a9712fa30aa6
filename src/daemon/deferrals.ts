/**
 * Rules that put recipients off: from the rules to what the policy service counts, and from what it did to verdicts and
 * notices. After a restart the counts begin with the recipients that the log shows: those that are stored, and those
 * of lines that are read later and are older than the start.
 */
import { dropUndefined } from '../base/defined.ts';
import { SECOND } from '../base/time.ts';
import { buildAllowList } from '../config/allow-list.ts';
import type { Config } from '../config/load.ts';
import { buildExceptionTest } from '../judge/exceptions.ts';
import type { Limit, Rule } from '../judge/rule.ts';
import type { Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import { type Deferral, type RateRule, RecipientRates } from '../policy/recipient-rates.ts';
import type { PolicyRequest } from '../policy/request.ts';
import type { Store } from '../store/store.ts';

/** What the policy service counts; undefined if no rule puts off. */
export function buildRecipientRates(
  rules: readonly Rule[],
  config: Config,
): RecipientRates | undefined {
  const deferring = rules.filter(({ action, enabled }) => enabled && action === 'defer');
  if (deferring.length === 0) return undefined;
  const allow = buildAllowList(config);
  return new RecipientRates({
    rules: deferring.map(buildRateRule),
    canonicalLogin: buildCanonicalLogin(config.logins) ?? ((login) => login.toLowerCase()),
    isAllowed: (id) => allow.reason({ type: 'user', id }) !== undefined,
    isObserving: config.mode === 'observe',
  });
}

/** RFC 3463 3.8: 4.7.1 is a matter of policy that may pass. */
export const DEFER_TEXT = '4.7.1 Too many recipients for now, please try again later';

function buildRateRule(rule: Rule): RateRule {
  const { name, limits, except, adjustment, text = DEFER_TEXT } = rule;
  const isExcepted = buildExceptionTest(except) ?? (() => false);
  return {
    name,
    periods: limits.map(({ period }) => period),
    limitFor(index, user, now) {
      const limit = limits[index] as Limit;
      return adjustment === undefined ? limit : adjustment.limitFor(limit, 'user', user, now);
    },
    spares(user, request) {
      const event = describeRequest(user, request);
      return isExcepted(event) || adjustment?.sparesMail(event) === true;
    },
    text,
  };
}

/** The request as the event that the log will show, as far as exceptions look at it. */
function describeRequest(user: string, { sender, client }: PolicyRequest): MailEvent {
  const about = { submitter: { type: 'user', id: user }, sender, client: { address: client } };
  return about as MailEvent;
}

/** Takes over what the log shows from before the start: counts, and who was put off. `now` in ms. */
export function resumeRates(rates: RecipientRates, store: Store, now: number): void {
  const since = now - rates.reach;
  for (const { event } of store.events.after(0, since)) seedRates(rates, [event], now);
  for (const { verdict } of store.verdicts.between(since, now)) {
    if (verdict.action !== 'defer' || now - verdict.time >= verdict.period) continue;
    const { rule, key, period, count, limit, time: since } = verdict;
    rates.resume({ rule, user: key.id, period, count, limit, since });
  }
}

/**
 * Counts recipients of mail that was accepted before `start`, ms: nobody asked this process about them. A log often has
 * only whole seconds, so mail of the second before is left out: it may have been asked about.
 */
export function seedRates(
  rates: RecipientRates,
  events: readonly MailEvent[],
  start: number,
): void {
  for (const { kind, submitter, time, newRecipients = 0 } of events) {
    if (submitter?.type !== 'user' || kind === 'rejected' || newRecipients === 0) continue;
    if (time < start - SECOND) rates.seed(submitter.id, time, newRecipients);
  }
}

interface RecordOptions {
  readonly store: Store;
  /** rules whose verdicts are sent by mail; undefined: there is nobody to notify */
  readonly notifyRules: ReadonlySet<string> | undefined;
  readonly mode: Config['mode'];
}

/** Writes down who has begun to be put off: a verdict for each, and a notice. `now` in ms. */
export function recordDeferrals(
  { store, notifyRules, mode }: RecordOptions,
  rates: RecipientRates,
  now: number,
): readonly Deferral[] {
  const { fresh } = rates;
  if (fresh.length === 0) return fresh;
  store.commit(() => {
    const newest = store.events.newest();
    for (const deferral of fresh) {
      const outcome = mode === 'observe' ? 'observed' : 'deferred';
      const verdict = store.verdicts.insert(buildVerdict(deferral), outcome, newest);
      if (notifyRules?.has(deferral.rule) === true) store.outbox.tell('verdict', { verdict }, now);
    }
  });
  rates.noted(fresh.length);
  return fresh;
}

/** No log line holds it: the place is the service itself. */
function buildVerdict(deferral: Deferral): Verdict {
  const { rule, user, since, count, limit, why, full, period } = deferral;
  return dropUndefined({
    ...{ rule, action: 'defer' as const, key: { type: 'user' as const, id: user }, time: since },
    ...{ source: 'policy service', line: 0, offset: 0 },
    ...{ count, limit, limitWhy: why, fullLimit: full, period },
  });
}
