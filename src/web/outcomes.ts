/** What actions printed, until the page that shows it is loaded. */
import { randomHex } from '../base/digest.ts';
import type { Outcome } from './acts.ts';
import type { Visitor } from './gate.ts';

const MOST = 1000;

export class Outcomes {
  readonly #kept = new Map<string, Outcome & { readonly name: string }>();

  /** Returns what stands for it in the address. */
  keep({ name }: Visitor, outcome: Outcome): string {
    const id = randomHex(8);
    this.#kept.set(id, { ...outcome, name });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#kept.delete(oldest);
    return id;
  }

  /** Only for the person who acted. */
  find({ name }: Visitor, id: string): Outcome | undefined {
    const outcome = this.#kept.get(id);
    return outcome?.name === name ? outcome : undefined;
  }
}
