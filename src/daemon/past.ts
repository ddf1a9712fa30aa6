/**
 * What was decided before a restart, in the order in which it was decided: the verdicts on each event, their outcomes,
 * and when blocks began and ended.
 */
import { type BlockPolicy, isStillUnblocked } from '../enforce/decide.ts';
import type { Judge } from '../judge/judge.ts';
import type { Recall } from '../judge/verdict.ts';
import type { Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Position } from '../model/line.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { applyRelease, tellOutcome } from './outcome.ts';

/** Something that was stored after event number `event`, and before the next one. `wall`: by the clock, ms. */
interface Step {
  readonly event: number;
  readonly wall: number;
  readonly apply: (judge: Judge) => void;
}

export class Past {
  readonly #since: number;
  readonly #stored: readonly StoredVerdict[];
  /** that run, or ran while one of the events came */
  readonly #blocks: readonly StoredBlock[];
  /** by event */
  readonly #verdicts: ReadonlyMap<string, StoredVerdict[]>;
  /** by rule, limit and key, when it was observed first (ms) */
  readonly #observed: ReadonlyMap<string, number>;
  /** numbers of the verdicts that the judge was told of with their event */
  readonly #recalled = new Set<number>();
  readonly #steps: readonly Step[];
  #step = 0;
  /** blocks that began without a verdict, by hand or on another server: only the time is known */
  readonly #starts: readonly StoredBlock[];
  #start = 0;
  /** numbers of blocks that have ended */
  readonly #ended = new Set<number>();

  /** What concerns the events from number `first` on, whose time is `since` (ms). */
  constructor(store: Store, first: number, since: number) {
    const stored = store.verdicts.from(first);
    this.#since = since;
    this.#stored = stored;
    this.#verdicts = groupByEvent(stored);
    const observed = store.verdicts.firstObserved();
    this.#observed = new Map(observed.map((one) => [nameLimit(one), one.time]));
    const ids = new Set(stored.map(({ id }) => id));
    const blocks = store.blocks.runningAt(first);
    this.#blocks = blocks;
    this.#starts = blocks
      .filter(({ verdict }) => verdict === undefined || !ids.has(verdict))
      .sort((a, b) => a.start - b.start);
    this.#steps = [
      ...store.verdicts.staleBefore(first).map((one) => this.#stale(one)),
      ...this.#listOutcomes(stored, blocks),
      ...store.blocks.releasedSince(0).map((block) => this.#release(block)),
    ].sort((a, b) => a.event - b.event); // stable: of one event, outcomes come first
  }

  #stale({ verdict, event }: StoredVerdict): Step {
    return { event, wall: verdict.time, apply: (judge) => judge.noteStale(verdict) };
  }

  #listOutcomes(stored: readonly StoredVerdict[], blocks: readonly StoredBlock[]): Step[] {
    const byVerdict = new Map(blocks.map((block) => [block.verdict, block]));
    return stored.map(({ id, verdict, outcome, event }) => {
      const block = byVerdict.get(id);
      const apply = (judge: Judge) =>
        tellOutcome(judge, { verdict, outcome, block }, this.#recalled.has(id));
      return { event, wall: block?.start ?? verdict.time, apply };
    });
  }

  #release(block: StoredBlock): Step {
    const { id, releasedEvent = 0, released = 0 } = block;
    const apply = (judge: Judge) => {
      this.#ended.add(id);
      applyRelease(judge, block);
    };
    return { event: releasedEvent, wall: released, apply };
  }

  /** Tells the judge what was decided before event number `id`, of `time` (ms), came; without them, all that is left. */
  goOn(judge: Judge, id = Number.POSITIVE_INFINITY, time = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const step = this.#steps[this.#step];
      const start = this.#starts[this.#start];
      const isDue = step !== undefined && step.event < id;
      if (start !== undefined && start.start <= time && !(isDue && step.wall < start.start)) {
        this.#start++;
        if (!this.#ended.has(start.id)) judge.hold(start.key, start.end, start.at);
      } else if (isDue) {
        this.#step++;
        step.apply(judge);
      } else return;
    }
  }

  /** Call it last: who was not blocked for a reason that is gone (`policy`) is judged again at the next event. */
  reconsider(judge: Judge, policy: BlockPolicy): void {
    const blocking = this.#stored.filter(({ verdict }) => verdict.action === 'block');
    const last = new Map(blocking.map((one) => [nameKey(one.verdict), one]));
    for (const { verdict, outcome } of last.values()) {
      if (!isStillUnblocked(verdict, outcome, policy)) judge.unhold(verdict.key);
    }
    for (const { key, end, at, released } of this.#blocks) {
      if (released === undefined) judge.hold(key, end, at);
    }
  }

  /** What was decided on an event; to be called once for each. */
  recall(event: MailEvent): Recall {
    const stored = this.#verdicts.get(nameEvent(event)) ?? [];
    const verdicts = stored.filter(({ id }) => !this.#recalled.has(id));
    for (const { id } of verdicts) this.#recalled.add(id);
    return {
      since: this.#since,
      verdicts: verdicts.map(({ verdict, outcome }) =>
        outcome === 'stale' ? { ...verdict, stale: true } : verdict,
      ),
      wasObserved: (one) => {
        const first = this.#observed.get(nameLimit(one));
        return first !== undefined && first <= one.time;
      },
    };
  }
}

function groupByEvent(stored: readonly StoredVerdict[]): Map<string, StoredVerdict[]> {
  const groups = new Map<string, StoredVerdict[]>();
  for (const one of stored) {
    const name = nameEvent(one.verdict);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return groups;
}

function nameLimit({
  rule,
  key,
  limit,
  period,
}: Pick<Verdict, 'rule' | 'key' | 'limit' | 'period'>): string {
  return `${rule} ${limit} ${period} ${key.type} ${key.id}`;
}

function nameKey({ key }: Verdict): string {
  return `${key.type} ${key.id}`;
}

/** With the time: another file may have had the same name. */
function nameEvent({ source, line, offset, time }: Position & { readonly time: number }): string {
  return `${source} ${line} ${offset} ${time}`;
}
