/**
 * A count over a sliding period in sixty parts. A part leaves the count as a whole when all of it is outside, so the
 * count is never too low, and too high by less than a sixtieth of the period.
 */

const PARTS = 60;
/** the part that has just begun, and the one that is partly outside */
const SLOTS = PARTS + 1;

export class SlotCounter {
  readonly #size: number;
  readonly #slots = new Uint32Array(SLOTS);
  /** number of the newest part since the epoch */
  #newest = Number.NEGATIVE_INFINITY;
  #sum = 0;

  /** `period` in ms. */
  constructor(period: number) {
    this.#size = period / PARTS;
  }

  /** What was added in (now - period, now]; `now` in ms. */
  count(now: number): number {
    this.#advance(Math.floor(now / this.#size));
    return this.#sum;
  }

  /** Adds at a time in ms, which may be older than the newest one. */
  add(time: number, amount: number): void {
    const slot = Math.floor(time / this.#size);
    if (slot > this.#newest) this.#advance(slot);
    if (slot <= this.#newest - SLOTS) return;
    this.#slots[mod(slot)] = (this.#slots[mod(slot)] as number) + amount;
    this.#sum += amount;
  }

  #advance(slot: number): void {
    // The clock was set back: nobody must be put off for that.
    const isBack = slot < this.#newest - 1;
    if (isBack || slot - this.#newest >= SLOTS) {
      this.#slots.fill(0);
      this.#sum = 0;
      this.#newest = slot;
      return;
    }
    while (this.#newest < slot) {
      this.#newest++;
      this.#sum -= this.#slots[mod(this.#newest)] as number;
      this.#slots[mod(this.#newest)] = 0;
    }
  }
}

function mod(slot: number): number {
  return ((slot % SLOTS) + SLOTS) % SLOTS;
}
