/**
 * The days (UTC, since the epoch) on which a rule has counted anything, for anybody. A day without any mail is a day
 * that the log does not show, for instance because the service was stopped: nobody slept then.
 */

/** Sleep is not measured further back. */
export const MOST_DAYS = 400;

export class CoveredDays {
  /** ascending */
  #days: number[] = [];
  #newest = -1;

  note(day: number): void {
    if (day === this.#newest) return;
    const at = this.#countUpTo(day);
    if (this.#days[at - 1] === day) return;
    this.#days.splice(at, 0, day);
    if (this.#days.length > MOST_DAYS) this.#days.shift();
    this.#newest = this.#days.at(-1) as number;
  }

  /** How many of them lie between two days, without these. */
  countBetween(before: number, after: number): number {
    return Math.max(0, this.#countUpTo(after - 1) - this.#countUpTo(before));
  }

  save(): readonly number[] {
    return this.#days;
  }

  load(days: readonly number[]): void {
    this.#days = [...days];
    this.#newest = days.at(-1) ?? -1;
  }

  /** Most calls are about the last few days. */
  #countUpTo(day: number): number {
    let count = this.#days.length;
    while (count > 0 && (this.#days[count - 1] as number) > day) count--;
    return count;
  }
}
