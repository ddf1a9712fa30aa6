/** Amounts in the order of time, for the sums and shares of a window. Knows no period and no limit. */

/** Oldest first, with one entry for each time. */
export class Amounts {
  /** time, amount, time, amount, ... in one array: objects would take most of a key's memory */
  #pairs: number[] = [];
  #head = 0;
  #isMerged = false;
  sum = 0;
  size = 0;

  /** Adds at the end or, for a late event, at its place in time. */
  add(time: number, amount: number): void {
    this.sum += amount;
    const last = this.#pairs.length - 2;
    if (this.size === 0) {
      // A literal has room for one entry only, and most keys never see a second event.
      this.#pairs = [time, amount];
      this.#head = 0;
      this.size = 1;
    } else if (time > (this.#pairs[last] as number)) {
      this.#pairs.push(time, amount);
      this.size++;
    } else {
      this.#insert(time, amount, last);
    }
  }

  #insert(time: number, amount: number, last: number): void {
    let at = last;
    while (at >= this.#head && (this.#pairs[at] as number) > time) at -= 2;
    if (at >= this.#head && this.#pairs[at] === time) {
      this.#pairs[at + 1] = (this.#pairs[at + 1] as number) + amount;
    } else {
      this.#pairs.splice(at + 2, 0, time, amount);
      this.size++;
    }
  }

  /** Drops all entries up to the time `edge`, inclusive. */
  dropUntil(edge: number): void {
    while (this.size > 0 && (this.#pairs[this.#head] as number) <= edge) this.#dropFirst();
  }

  /** Drops the oldest entries that are not needed: without them the sum is still `enough`. */
  dropBeyond(enough: number): void {
    while (this.size > 0 && this.sum - (this.#pairs[this.#head + 1] as number) >= enough) {
      this.#dropFirst();
    }
  }

  #dropFirst(): void {
    this.sum -= this.#pairs[this.#head + 1] as number;
    this.#head += 2;
    this.size--;
    // Amortised: never moves more entries than were dropped.
    if (this.#head < 32 || this.#head * 2 < this.#pairs.length) return;
    this.#pairs.copyWithin(0, this.#head);
    this.#pairs.length -= this.#head;
    this.#head = 0;
  }

  /** Drops all entries later than `time`. */
  dropAfter(time: number): void {
    while (this.size > 0 && (this.#pairs.at(-2) as number) > time) {
      this.sum -= this.#pairs.pop() as number;
      this.#pairs.pop();
      this.size--;
    }
  }

  /** Takes an amount away where it was added. Where entries were merged, takes it from the entry that has it now. */
  remove(time: number, amount: number): void {
    let at = this.#head;
    while (at < this.#pairs.length && (this.#pairs[at] as number) < time) at += 2;
    if (at >= this.#pairs.length || this.size === 0) return;
    if (this.#pairs[at] !== time && !this.#isMerged) return;
    const there = this.#pairs[at + 1] as number;
    const taken = Math.min(amount, there);
    this.sum -= taken;
    if (taken < there) {
      this.#pairs[at + 1] = there - taken;
      return;
    }
    this.#pairs.splice(at, 2);
    this.size--;
  }

  /** Halves the number of entries: two neighbours become one entry, at the later of their times. */
  halve(): void {
    const pairs = this.#pairs.slice(this.#head);
    this.#pairs = [];
    for (let at = 0; at < pairs.length; at += 4) {
      const [time, amount, nextTime, nextAmount] = pairs.slice(at, at + 4) as [
        number,
        number,
        number?,
        number?,
      ];
      this.#pairs.push(nextTime ?? time, amount + (nextAmount ?? 0));
    }
    this.#head = 0;
    this.#isMerged = true;
    this.size = this.#pairs.length / 2;
  }
}
