/** Who is blocked, and how often somebody was: what a judge remembers of its own verdicts and other decisions. */
import { DAY } from '../base/time.ts';
import type { Key, KeyType, Verdict } from '../model/block.ts';
import type { CountedEvent } from './counted-event.ts';
import { ShutOutSenders } from './gateway.ts';
import { canonicalKey, getKeyId, getKeyType } from './key.ts';
import { KeyTimes, Offences } from './key-memory.ts';
import type { JudgeOptions } from './options.ts';
import type { Per, Rule } from './rule.ts';

/** After this time without another offence, a key is no longer a repeat offender. */
const OFFENCE_LIFETIME = 30 * DAY;

export class Holds {
  /** until when, ms */
  readonly #blocked = new KeyTimes();
  readonly #offences = new Offences(OFFENCE_LIFETIME);
  readonly #shutOut = new ShutOutSenders();

  constructor({ active = [], offences = [] }: Pick<JudgeOptions, 'active' | 'offences'>) {
    for (const { key, until } of active) this.hold(key, until);
    for (const { rule, key, count, last } of offences) {
      this.#offences.set(rule, canonicalKey(key), count, last);
    }
  }

  /** Whether the key is blocked at a time, ms. */
  isHeld(type: KeyType, id: string, time: number): boolean {
    const until = this.#blocked.get(type, id);
    return until !== undefined && time < until;
  }

  /** Whether a block of the key is known, over or not. */
  isKnown(type: KeyType, id: string): boolean {
    return this.#blocked.get(type, id) !== undefined;
  }

  /** The key is blocked until a time in ms or until it is released. `at`: the gateway where alone a sender is blocked. */
  hold(key: Key, until?: number, at?: Key): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.set(type, id, until ?? Number.POSITIVE_INFINITY);
    if (at === undefined) return;
    const gateway = canonicalKey(at);
    if (!this.#shutOut.has(gateway, id)) this.#shutOut.add(gateway, id, Number.NEGATIVE_INFINITY);
  }

  /** The block has ended, and with it that of a sender behind a gateway. */
  release({ type, id }: Key): void {
    this.#blocked.delete(type, id);
    if (type === 'sender') this.#shutOut.delete(id);
  }

  /** The block has ended by itself. A sender that was shut out is known as before. */
  unhold({ type, id }: Key): void {
    this.#blocked.delete(type, id);
  }

  /** All keys of this type that are blocked. */
  ids(type: KeyType): Iterable<string> {
    return this.#blocked.ids(type);
  }

  /** A rule has blocked a key. */
  noteOffence({ rule, key, time }: Verdict): void {
    this.#offences.add(rule, key, time);
  }

  /** The last verdict has blocked nobody. */
  takeBackOffence({ rule, key }: Verdict): void {
    this.#offences.takeBack(rule, key);
  }

  /** A verdict does not hold any more. */
  takeBack({ rule, key, at }: Verdict): void {
    this.#blocked.delete(key.type, key.id);
    this.#offences.takeBack(rule, key);
    if (at !== undefined) this.#shutOut.delete(key.id);
  }

  /** How long a block of the key lasts, ms; undefined: until it is released. */
  durationFor(rule: Rule, key: Key, { time }: Pick<CountedEvent, 'time'>): number | undefined {
    const before = this.#offences.count(rule.name, key, time);
    return rule.durations[Math.min(before, rule.durations.length - 1)];
  }

  /** A sender is to blame for what a gateway did. */
  shutOut(gateway: Key, sender: string, time: number): void {
    this.#shutOut.add(gateway, sender, time);
  }

  /** Whether the gateway had as many senders shut out in the day before `time` (ms) as it may. */
  hasTooMany(gateway: Key, time: number): boolean {
    return this.#shutOut.hasTooMany(gateway, time);
  }

  /** Whether the sender of the event is shut out at its gateway: what still comes of it is not the gateway's. */
  isShutOut(per: Per, event: CountedEvent): boolean {
    if (this.#shutOut.size === 0 || !event.sender) return false;
    const type = getKeyType(per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    const sender = getKeyId('sender', event);
    if (type === undefined || id === undefined || sender === undefined) return false;
    return this.#shutOut.has({ type, id }, sender) && this.isHeld('sender', sender, event.time);
  }
}
