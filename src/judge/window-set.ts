/** The windows of one timeline: they all end at its newest event. */
import { countUntil } from './entries.ts';
import type { Shape } from './shape.ts';
import { type Source, Window } from './window.ts';

export class WindowSet {
  readonly shape: Shape;
  /** one for each limit of the shape */
  readonly windows: readonly Window[];
  /** time of the newest event in ms; -Infinity before the first */
  newest = Number.NEGATIVE_INFINITY;
  /** what `newest` was before, unless the clock was set back; ms */
  previous = Number.NEGATIVE_INFINITY;
  /** the time up to which entries of the past are gone, ms */
  floor: number;

  constructor(shape: Shape, floor: number) {
    this.shape = shape;
    this.floor = floor;
    this.windows = shape.limits.map((limit) => new Window(shape, limit));
  }

  /** Moves all windows to the newest event. Returns the index of the first entry that lies in one. */
  advance(source: Source, times: readonly number[]): number {
    let first = times.length;
    for (let index = 0; index < this.windows.length; index++) {
      const window = this.windows[index] as Window;
      const edge = this.newest - window.period;
      let { head } = window;
      while (head < times.length && (times[head] as number) <= edge) {
        window.leave(source, head);
        head++;
      }
      window.head = head;
      if (head < first) first = head;
    }
    return first;
  }

  /** The first entries are about to go. */
  leaveFirst(source: Source, count: number): void {
    for (const window of this.windows) {
      for (; window.head < count; window.head++) window.leave(source, window.head);
      window.head -= count;
    }
  }

  /** The windows anew. */
  recompute(source: Source, times: readonly number[]): void {
    for (const window of this.windows) {
      window.recompute(source, countUntil(times, this.newest - window.period));
    }
  }
}
