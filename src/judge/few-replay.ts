/** A key with a few events (few-events.ts) that is to be seen as one with timelines: the events are counted again. */
import { type Classes, isCounted, type Reader } from './classes.ts';
import { NO_FACTS } from './entries.ts';
import type { Id } from './facts.ts';
import type { FewEvent } from './few-events.ts';
import { Subject } from './subject.ts';
import type { TableEvents } from './table-events.ts';

interface Key {
  readonly id: Id;
  readonly classes: Classes;
  /** how long the rules need an event, ms */
  readonly keep: number;
  /** what happened until then (ms) may have been forgotten */
  readonly floor: number;
}

/** The key with its timelines; `events` in the order in which they came. `only`: that of this rule alone. */
export function replayFew(
  events: readonly FewEvent[],
  { id, classes, keep, floor }: Key,
  told: Pick<TableEvents, 'counted'>,
  only?: Reader,
): Subject {
  const subject = new Subject(floor);
  subject.used = true;
  for (const { time, number, amount } of events) {
    const node = classes.get(number);
    const at = subject.add({ ...NO_FACTS, time, amount }, number, node.needs, keep);
    subject.lastSeen = Math.max(subject.lastSeen, time);
    for (const { reader, code } of node.uses()) {
      if (only !== undefined && reader !== only) continue;
      const timeline = subject.get(reader.slot) ?? subject.addTimeline(reader);
      timeline.count(at, time);
      if (isCounted(code)) told.counted(reader, { id, timeline }, time);
    }
  }
  return subject;
}

/** Whether one of the rules that count these events may want to know how near their key came to its limits. */
export function isWorthReplaying(
  events: readonly FewEvent[],
  classes: Classes,
  isWorth: (reader: Reader) => boolean,
): boolean {
  return events.some(({ number }) =>
    classes
      .get(number)
      .uses()
      .some(({ reader, code }) => isCounted(code) && isWorth(reader)),
  );
}
