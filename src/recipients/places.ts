/** A limited number of places, and a queue of those who wait for one, each until its own deadline. */

interface Waiting {
  readonly begin: (got: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

export class Places {
  #free: number;
  readonly #mostWaiting: number;
  readonly #waiting: Waiting[] = [];

  constructor(places: number, mostWaiting: number) {
    this.#free = places;
    this.#mostWaiting = mostWaiting;
  }

  /** Takes a place, within `timeout` ms; false if there was none. Whoever gets one gives it back with `leave`. */
  enter(timeout: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    if (this.#waiting.length >= this.#mostWaiting) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(entry), timeout);
      const entry = { begin: resolve, timer };
      this.#waiting.push(entry);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free++;
      return;
    }
    clearTimeout(next.timer);
    next.begin(true);
  }

  #giveUp(entry: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(entry), 1);
    entry.begin(false);
  }
}
