/** One rule over one type of key: how it reads the events of these keys, and what it remembers of them. */
import type { KeyType } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';
import type { Arrival } from './arrival.ts';
import { buildCode, MOST_CLASSES, type Reader } from './classes.ts';
import type { Id } from './facts.ts';
import { dropOldest } from './key-memory.ts';
import { leastLimit } from './measure.ts';
import { NearMisses } from './near-misses.ts';
import { blamesSenders, type Rule } from './rule.ts';
import { buildShape, type Shape } from './shape.ts';
import type { KeyTable } from './table.ts';
import type { Timeline } from './timeline.ts';

const VERDICTS_KEPT = 10_000;
const GATEWAY_TYPES: ReadonlySet<KeyType> = new Set(['client', 'uid']);

export class Track implements Reader {
  readonly rule: Rule;
  readonly type: KeyType;
  readonly slot: number;
  readonly table: KeyTable;
  readonly arrival: Arrival;
  readonly shape: Shape;
  readonly codes = new Uint8Array(MOST_CLASSES);
  readonly least: number;
  /** what an event adds that the rule counts, and one that only belongs to the whole */
  readonly countedCode: number;
  readonly wholeCode: number;
  /** by limit, the highest measures of keys that were dropped from the table */
  readonly dropped: readonly NearMisses[];
  /** keys that had a verdict, and whether it was stale; the oldest are forgotten */
  readonly verdicts = new Map<string, 'fresh' | 'stale'>();

  constructor(
    rule: Rule,
    type: KeyType,
    slot: number,
    { table, arrival }: { table: KeyTable; arrival: Arrival },
  ) {
    this.rule = rule;
    this.type = type;
    this.slot = slot;
    this.table = table;
    this.arrival = arrival;
    this.shape = buildShape(rule, GATEWAY_TYPES.has(type) && blamesSenders(rule));
    this.least = leastLimit(rule);
    this.countedCode = buildCode(this.shape, true);
    this.wholeCode = buildCode(this.shape, false);
    this.dropped = this.shape.limits.map(() => new NearMisses());
  }

  noteDropped(id: Id, { windows }: Timeline): void {
    for (let index = 0; index < windows.length; index++) {
      const { highest, highestTime } = windows[index] as Timeline['windows'][number];
      if (highest > 0) this.dropped[index]?.keep(id, highest, highestTime);
    }
  }

  noteVerdict(id: string, how: 'fresh' | 'stale'): void {
    this.forgetMisses(id);
    this.verdicts.delete(id);
    this.verdicts.set(ownCopy(id), how);
    if (this.verdicts.size > VERDICTS_KEPT) dropOldest(this.verdicts, VERDICTS_KEPT / 16);
  }

  forget(id: string): void {
    this.forgetMisses(id);
    this.verdicts.delete(id);
  }

  forgetMisses(id: string): void {
    for (const misses of this.dropped) misses.delete(id);
  }
}
