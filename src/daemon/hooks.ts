/**
 * From what has happened to the hooks that are to be told. An occurrence becomes one message for each hook, in one
 * transaction; each hook has a queue and a loop of its own, so that one that hangs delays no other, and nothing else.
 */
import { hostname } from 'node:os';
import { dropUndefined } from '../base/defined.ts';
import { randomHex } from '../base/digest.ts';
import { escapeOutput } from '../base/escape.ts';
import type { Log } from '../base/log.ts';
import { type Clock, formatTime, HOUR, MINUTE } from '../base/time.ts';
import { nextPoll } from '../base/wait.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { HookConfig } from '../config/hooks.ts';
import type { Config } from '../config/load.ts';
import { Drain, type Fault } from '../notify/drain.ts';
import { HookFailure } from '../notify/failure.ts';
import { buildHook } from '../notify/hook.ts';
import type { HookMessage } from '../store/hook-queue.ts';
import type { Occurrence } from '../store/occurrences.ts';
import type { Store } from '../store/store.ts';
import { describeOccurrence, type Told } from './hook-event.ts';
import { repeat } from './retry.ts';

interface HooksOptions {
  readonly store: Store;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** ends all loops */
  readonly signal: AbortSignal;
  /** called for each occurrence, whether or not a hook is told of it */
  readonly onOccurrence?: (occurrence: Occurrence) => void;
}

const IDLE_CHECK = 10 * MINUTE;
const SHORTEST_PAUSE = 100;
const TROUBLE = 'the outbox of hooks cannot be used, will try again';

export class Hooks {
  readonly #options: HooksOptions;
  readonly #wakeUp = new WakeUp();
  readonly #hooks: readonly { readonly hook: HookConfig; readonly wakeUp: WakeUp }[];

  constructor(options: HooksOptions) {
    this.#options = options;
    this.#hooks = options.config.hooks.map((hook) => ({ hook, wakeUp: new WakeUp() }));
  }

  /** One loop that hands out what happens, and one for each hook; they end when aborted. */
  run(): Promise<void>[] {
    return [
      repeat(this.#options, this.#wakeUp, TROUBLE, async () => {
        // Other servers and the block files first: each commit here is a wait for the disk.
        for (let round = 0; round < 3; round++) await nextPoll();
        return this.#handOut();
      }),
      ...this.#hooks.map(({ hook, wakeUp }) => this.#tell(hook, wakeUp)),
    ];
  }

  /** Something may have happened. */
  wake(): void {
    this.#wakeUp.wake();
  }

  /** Also without hooks, so that one that is set up later is not told old news. Returns the ms to wait. */
  #handOut(): number {
    const { store, onOccurrence } = this.#options;
    this.#dropUnknown();
    const waiting = store.occurrences.waiting();
    if (waiting.length === 0) return IDLE_CHECK;
    store.commit(() => {
      for (const occurrence of waiting) {
        this.#queue(occurrence);
        store.occurrences.remove(occurrence.id);
      }
    });
    for (const occurrence of waiting) onOccurrence?.(occurrence);
    for (const { wakeUp } of this.#hooks) wakeUp.wake();
    return SHORTEST_PAUSE;
  }

  /** What waits for a hook that is no longer configured would wait for ever. */
  #dropUnknown(): void {
    const { store, log } = this.#options;
    const known = new Set(this.#hooks.map(({ hook }) => hook.name));
    for (const { hook, waiting } of store.hooks.waiting()) {
      if (known.has(hook)) continue;
      store.hooks.drop(hook);
      log.warn({ hook, waiting }, 'no such hook any more: what waited for it is dropped');
    }
  }

  #queue(occurrence: Occurrence): void {
    const { store, config } = this.#options;
    const hooks = this.#hooks.filter(({ hook }) => hook.events.includes(occurrence.kind));
    if (hooks.length === 0 || this.#isRepeatedCap(occurrence)) return;
    const told = describeOccurrence(occurrence, store, config);
    if (told === undefined) return;
    for (const { hook } of hooks) store.hooks.queue(hook.name).add(this.#compose(occurrence, told));
  }

  #compose({ kind, time }: Occurrence, told: Told): HookMessage {
    const { host, instance } = this.#options.config;
    const messageId = `evt_${randomHex(16)}`;
    const event = dropUndefined({
      version: 1,
      id: messageId,
      event: kind,
      time: formatTime(time),
      host: host ?? hostname(),
      instance,
      ...told,
    });
    const created = this.#options.clock.now();
    return { messageId, subject: told.text, text: escapeOutput(JSON.stringify(event)), created };
  }

  /** A flood meets the cap thousands of times: hooks are told once an hour. */
  #isRepeatedCap({ kind, time }: Occurrence): boolean {
    if (kind !== 'cap') return false;
    const { store } = this.#options;
    const told = store.state.read('hooks told of cap') ?? 0;
    if (time >= told && time - told < HOUR) return true;
    store.state.write('hooks told of cap', time);
    return false;
  }

  async #tell({ name, route, timeout }: HookConfig, wakeUp: WakeUp): Promise<void> {
    const { store, clock, log, signal } = this.#options;
    const queue = store.hooks.queue(name);
    const drain = new Drain({
      queue,
      notifier: await buildHook(route, timeout),
      clock,
      log,
      what: 'event for a hook',
      findFault,
      // A receiver that got an event twice sees by its number that it has it.
      isLogRead: () => true,
      signal,
    });
    await repeat(this.#options, wakeUp, TROUBLE, async () => {
      await drain.run();
      const next = queue.nextDue();
      if (next === undefined) return IDLE_CHECK;
      return Math.max(SHORTEST_PAUSE, Math.min(next - clock.now(), MINUTE));
    });
  }
}

function findFault(thrown: unknown): Fault {
  return thrown instanceof HookFailure ? thrown.fault : 'hop';
}
