/**
 * What was found lately, by text. It has two generations: what is used moves to the young one. When the young one is
 * full it becomes the old one, and the old one is dropped.
 */
import { ownCopy } from '../model/line.ts';

export class Recent<Value> {
  readonly #limit: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** `limit`: texts of one generation. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(text: string): Value | undefined {
    const value = this.#young.get(text);
    if (value !== undefined) return value;
    const older = this.#old.get(text);
    if (older !== undefined) this.set(text, older);
    return older;
  }

  set(text: string, value: Value): void {
    if (this.#young.size >= this.#limit) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(ownCopy(text), value);
  }
}
