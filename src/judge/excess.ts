/**
 * How near one key came to the limits that look at the same window, and which of them it exceeds without a break. The
 * limits of all rules form a ladder (ladder.ts). What lies below all of them is one number in the window itself; only
 * a key that has climbed a rung has one of these.
 */

/** The largest measure without a verdict, and its time (ms). */
interface Peak {
  highest: number;
  time: number;
}

/** One rung of the ladder, for a key that has been on it. */
interface Rung extends Peak {
  /** the limit was observed, and all events since then met it: a rule that observes gives no second verdict */
  met: boolean;
  /** event time of the last event that met the limit, ms */
  lastMet: number;
  /** the limit that was met then; another one, of a table that was changed, begins anew */
  metLimit: number;
}

export class Excess {
  /** measures that met the rungs below this one, by number */
  readonly #peaks: (Peak | undefined)[] = [];
  readonly #rungs: (Rung | undefined)[] = [];

  /** A measure that meets all rungs below `from`, and none from there on. */
  noteFrom(from: number, measure: number, time: number): void {
    const peak = this.#peaks[from];
    if (peak === undefined) this.#peaks[from] = { highest: measure, time };
    else improve(peak, measure, time);
  }

  /** A measure that only matters to one rung, which it does not meet. */
  noteAt(at: number, measure: number, time: number): void {
    if (measure > 0) improve(this.#rung(at), measure, time);
  }

  /** The largest measure that did not meet a rung; undefined: there is only what the window knows. */
  peakOf(at: number): Readonly<Peak> | undefined {
    let best: Peak | undefined = this.#rungs[at];
    for (let from = 0; from <= at && from < this.#peaks.length; from++) {
      const peak = this.#peaks[from];
      if (peak !== undefined && (best === undefined || isBefore(peak, best))) best = peak;
    }
    return best !== undefined && best.highest > 0 ? best : undefined;
  }

  /** Whether the limit was observed and has been met without a break since then. */
  isObserved(at: number): boolean {
    return this.#rungs[at]?.met === true;
  }

  /** The limit was observed at a time (ms). `limit`: that by day. */
  observe(at: number, limit: number, time: number): void {
    Object.assign(this.#rung(at), { met: true, lastMet: time, metLimit: limit });
  }

  /** The limit is met at a time (ms). After a period (ms) in which it was not, or when it has changed, it begins anew. */
  meet(at: number, limit: number, period: number, time: number): void {
    const rung = this.#rungs[at];
    if (rung === undefined) return;
    if (time - rung.lastMet >= period || rung.metLimit !== limit) rung.met = false;
    rung.lastMet = time;
  }

  #rung(at: number): Rung {
    const known = this.#rungs[at];
    if (known !== undefined) return known;
    const never = { met: false, lastMet: Number.NEGATIVE_INFINITY, metLimit: 0 };
    const rung = { highest: 0, time: 0, ...never };
    while (this.#rungs.length < at) this.#rungs.push(undefined);
    this.#rungs[at] = rung;
    return rung;
  }

  /** The rungs from this one on are not met now. */
  leaveFrom(from: number): void {
    for (let at = from; at < this.#rungs.length; at++) this.leave(at);
  }

  leave(at: number): void {
    const rung = this.#rungs[at];
    if (rung !== undefined) rung.met = false;
  }
}

function improve(peak: Peak, highest: number, time: number): void {
  if (isBefore({ highest, time }, peak)) Object.assign(peak, { highest, time });
}

/** Whether one is the higher of two, or was reached first. */
export function isBefore({ highest, time }: Readonly<Peak>, other: Readonly<Peak>): boolean {
  return highest > other.highest || (highest === other.highest && time < other.time);
}
