/**
 * Keeps the process small while a log makes it grow. V8 lets garbage pile up to a multiple of the live data, which is
 * good for speed and bad for a guest on a mail server. So a large process collects garbage earlier, in two steps:
 * with `--optimize-for-size` V8 also gives memory back to the system; and a heap of a very large process may grow by a
 * tenth only. Both cost CPU time, so they are on only while the process is too large. They change nothing but when
 * garbage is collected. docs/performance.md has the measurements.
 */
import { setFlagsFromString } from 'node:v8';

interface Step {
  /** bytes of resident memory above which the step is on, and below which it is off again */
  readonly above: number;
  readonly below: number;
  readonly on: string;
  readonly off: string;
}

/** Percent of the live data by which the heap grows between two collections; bin/postern starts with it. */
const GROWTH = 50;

const STEPS: readonly Step[] = [
  {
    above: 80_000_000,
    below: 70_000_000,
    on: '--optimize-for-size',
    off: '--no-optimize-for-size',
  },
  {
    above: 190_000_000,
    below: 170_000_000,
    on: '--heap-growing-percent=10',
    off: `--heap-growing-percent=${GROWTH}`,
  },
];

export class MemorySaver {
  readonly #setFlag: (flag: string) => void;
  readonly #on = new Set<Step>();

  constructor(setFlag = setFlagsFromString) {
    this.#setFlag = setFlag;
  }

  /** Call this from time to time, with the resident memory in bytes. Returns whether any step is on. */
  look(resident = residentMemory()): boolean {
    if (resident === undefined) return this.#on.size > 0;
    for (const step of STEPS) {
      if (resident > step.above) this.#turnOn(step);
      else if (resident < step.below) this.#turnOff(step);
    }
    return this.#on.size > 0;
  }

  #turnOn(step: Step): void {
    if (this.#on.has(step)) return;
    this.#on.add(step);
    this.#setFlag(step.on);
  }

  #turnOff(step: Step): void {
    if (this.#on.delete(step)) this.#setFlag(step.off);
  }
}

/** Bytes; undefined when the system does not say: reading it takes a free file descriptor. */
function residentMemory(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
