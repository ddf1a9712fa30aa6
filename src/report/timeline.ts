/** What happened to an identity, in the order of time: signs, verdicts, blocks, mail, and what people did. */
import { counted } from '../base/text.ts';
import { formatDuration } from '../base/time.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block, Verdict } from '../model/block.ts';
import type { Submitter } from '../model/event.ts';
import { formatWord } from '../model/identity.ts';
import type { Action } from '../store/actions.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { type Counted, hasPlainLimit } from './against-limit.ts';
import { describeCause, describeRelease } from './block.ts';
import type { Subject } from './subject.ts';

/** Something that happened at a time (ms). */
export interface Step {
  readonly time: number;
  readonly what: string;
}

/** Blocks and verdicts of an identity that are named beside the one that is asked about. */
const MOST_OTHERS = 10;

/** From the first sign to the verdict. */
export function listSigns(
  counted: readonly Counted[],
  verdict: Verdict,
  rule: Rule | undefined,
): Step[] {
  const { limit, period, time } = verdict;
  const seen = new Set<string>();
  const firsts = counted.filter(({ value }) => !seen.has(value) && seen.add(value));
  const first = firsts[0];
  const half = hasPlainLimit(rule) ? firsts[Math.ceil(limit / 2) - 1] : undefined;
  return [
    ...(first === undefined ? [] : [{ time: first.time, what: 'the first event that counts' }]),
    ...(half === undefined || half === first
      ? []
      : [{ time: half.time, what: 'half of the limit' }]),
    { time, what: `the limit of ${verdict.rule} is met (in ${formatDuration(period)})` },
  ];
}

/** What Postern and people did about a block. */
export function listDeeds(store: Store, block: StoredBlock): Step[] {
  const actions = store.actions.ofBlock(block.id);
  const done = (what: string) => actions.find((one) => one.what === what && one.done)?.who;
  const { id, start, end, released } = block;
  const byWhom = (who: string | undefined) => (who === undefined ? '' : ` by ${who}`);
  const begin = `block ${id} begins${describeBegin(block, byWhom(done('block')))}`;
  const others = actions.filter(
    ({ what, done }) => !done || (what !== 'block' && what !== 'unblock'),
  );
  return [
    { time: start, what: begin },
    ...others.map(describeAction),
    ...(released === undefined
      ? end === undefined
        ? []
        : [{ time: end, what: `block ${id} ends by itself` }]
      : [{ time: released, what: `it ends: ${describeRelease(block)}${byWhom(done('unblock'))}` }]),
  ];
}

/** `by`: who did it on this server, with `by`. */
function describeBegin(block: StoredBlock, by: string): string {
  if (block.host !== undefined) return `: ${describeCause(block)}`;
  return block.cause === 'manual' ? `: postern block${by}` : '';
}

function describeAction({ time, who, what, done }: Action): Step {
  return { time, what: `${what} by ${who}${done ? '' : ', which failed'}` };
}

/** What the mail server still took while the block ran: to hold it, if the block is a hold. */
export function listMailSince(store: Store, submitter: Submitter, block: StoredBlock): Step[] {
  const period = { since: block.start, until: block.released ?? Number.MAX_SAFE_INTEGER };
  let count = 0;
  let last = 0;
  for (const { event } of store.events.query({ ...period, submitter, kinds: ['accepted'] })) {
    count++;
    last = Math.max(last, event.time);
  }
  if (count === 0) return [];
  const what = `the last of ${counted(count, 'message')} that came while it was blocked`;
  return [{ time: last, what }];
}

/** What else is known of the identity: its other verdicts and blocks, and what people did without a block. */
export function listOthers(store: Store, key: Block['key'], { block, stored }: Subject): Step[] {
  const verdicts = store.verdicts.findByKey(key).filter(({ id }) => id !== stored?.id);
  const blocks = store.blocks.findOver(key).filter(({ id }) => id !== block?.id);
  const actions = store.actions.about(formatWord(key)).filter((one) => one.block === undefined);
  return [
    ...verdicts.slice(0, MOST_OTHERS).map(
      ({ verdict: { rule, count, limit, period, time }, outcome }): Step => ({
        time,
        what: `${count} of ${limit} counted by ${rule} in ${formatDuration(period)}: ${outcome}`,
      }),
    ),
    ...blocks.slice(0, MOST_OTHERS).flatMap((one) => listDeeds(store, one)),
    ...actions.map(describeAction),
  ];
}
