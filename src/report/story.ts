/**
 * The story of a block or a verdict: how it came to it, what had gone out before, what waits, and what people did.
 * `postern explain` shows it as one screen, and the web page as a page.
 */
import { dropUndefined } from '../base/defined.ts';
import { DAY, formatDuration, formatTime } from '../base/time.ts';
import { PROVIDERS } from '../judge/outage/provider.ts';
import type { Rule } from '../judge/rule.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { MailEvent, Submitter } from '../model/event.ts';
import { DIRECTIONS, KINDS } from '../store/codes.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { buildTest, listCounted, measureRise, type Rise } from './against-limit.ts';
import type { ProviderCount } from './course.ts';
import type { Subject } from './subject.ts';
import { listDeeds, listMailSince, listSigns, type Step } from './timeline.ts';

/** Times in ms. */
export interface Story {
  readonly timeline: readonly Step[];
  /** absent: without a verdict */
  readonly rise?: Rise;
  /** absent: only of a submitter all mail is known */
  readonly before?: MailBefore;
  /** messages of the submitter that the log has not seen leave the queue */
  readonly waiting: number;
}

/** What a submitter sent in the day before the block, or in the period of a rule with a longer one. */
export interface MailBefore {
  readonly since: number;
  readonly until: number;
  readonly messages: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly refused: number;
  /** most delivered first */
  readonly providers: readonly ProviderCount[];
}

const { accepted: ACCEPTED } = KINDS.numberOf;
const { local: LOCAL } = DIRECTIONS.numberOf;
/** By the number of a kind. */
const FATES: ReadonlyMap<number, 'delivered' | 'deferred' | 'refused'> = new Map([
  [KINDS.numberOf.delivered, 'delivered'],
  [KINDS.numberOf.deferred, 'deferred'],
  [KINDS.numberOf.bounced, 'refused'],
  [KINDS.numberOf.expired, 'refused'],
  [KINDS.numberOf.rejected, 'refused'],
]);
const MOST_PROVIDERS = 6;

/** `events`: what `loadEvents` gives for the verdict; none for a block without one, which has no signs and no rise. */
export function gatherStory(
  store: Store,
  { stored, block }: Subject,
  rule: Rule | undefined,
  events: readonly MailEvent[],
): Story {
  const verdict = stored?.verdict;
  const key = verdict?.key ?? block?.key;
  const owner = key && toSubmitter(key);
  const counted = listCounted(events.filter(buildTest(rule, verdict)), rule);
  return dropUndefined({
    timeline: [
      ...(verdict === undefined ? [] : listSigns(counted, verdict, rule)),
      ...(block === undefined ? [] : listDeeds(store, block)),
      ...(owner === undefined || block === undefined ? [] : listMailSince(store, owner, block)),
    ].sort((a, b) => a.time - b.time),
    rise: verdict && measureRise(counted, verdict, rule),
    before: owner && gatherBefore(store, owner, verdict, block),
    waiting: owner === undefined ? 0 : store.state.findKnown(owner).length,
  });
}

function toSubmitter({ type, id }: Key): Submitter | undefined {
  return type === 'user' || type === 'uid' || type === 'client' ? { type, id } : undefined;
}

function gatherBefore(
  store: Store,
  submitter: Submitter,
  verdict: Verdict | undefined,
  block: StoredBlock | undefined,
): MailBefore {
  const time = verdict?.time ?? block?.start ?? 0;
  const until = Math.max(time, block?.start ?? time) + 1;
  const since = time - Math.max(verdict?.period ?? 0, DAY);
  const sums = { messages: 0, delivered: 0, deferred: 0, refused: 0 };
  const providers = new Map<string, { delivered: number; deferred: number; refused: number }>();
  store.events.scanOf(submitter, { since, until }, (page, at) => {
    if (page.isRepeated(at) || page.direction(at) === LOCAL) return;
    const kind = page.kind(at);
    if (kind === ACCEPTED) sums.messages++;
    const fate = FATES.get(kind);
    if (fate === undefined) return;
    sums[fate]++;
    const name = PROVIDERS.get({ host: page.relay(at) });
    if (name === undefined) return;
    const own = providers.get(name) ?? { delivered: 0, deferred: 0, refused: 0 };
    own[fate]++;
    providers.set(name, own);
  });
  const most = [...providers]
    .map(([provider, own]) => ({ provider, ...own }))
    .sort((a, b) => b.delivered - a.delivered || b.refused - a.refused)
    .slice(0, MOST_PROVIDERS);
  return { since, until, ...sums, providers: most };
}

/** For programs: times as RFC 3339, durations as in rules. */
export function storyToJson({ timeline, rise, before, waiting }: Story): Record<string, unknown> {
  return dropUndefined({
    timeline: timeline.map(({ time, what }) => ({ time: formatTime(time), what })),
    rise: rise && {
      ...rise,
      since: formatTime(rise.since),
      step: formatDuration(rise.step),
    },
    before: before && {
      ...before,
      since: formatTime(before.since),
      until: formatTime(before.until),
    },
    waiting,
  });
}
