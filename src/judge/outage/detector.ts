/**
 * Detects provider outages. On 14 and 15 December 2020 Gmail answered "550-5.1.1 The email account that you tried to
 * reach does not exist" for hours, for addresses that did exist. A provider has an outage when it refuses recipients
 * of many submitters at once that usually deliver there, and far more of them than before.
 *
 * The result is a function of the events alone, from at most three days of them. Only deliveries and refusals of our
 * own submitters that name the host that answered are used. The memory is bounded, whatever the log holds.
 */
import { HOUR } from '../../base/time.ts';
import { isInvalid } from '../../model/event.ts';
import type { Outage } from '../../model/outage.ts';
import type { CountedEvent } from '../counted-event.ts';
import { PROVIDERS } from './provider.ts';
import { IDLE, ProviderHistory, type Share, STEP, WINDOW } from './provider-history.ts';

interface DetectorBounds {
  readonly providers: number;
  /** submitters, over all providers */
  readonly pairs: number;
}

const DEFAULT_BOUNDS: DetectorBounds = { providers: 2048, pairs: 30_000 };

/** Fewer refused submitters are a coincidence, or a few stolen passwords at the same time. */
const LEAST_REFUSED = 8;
/** Refused submitters, of all that were in touch with the provider lately. */
const LEAST_SHARE = 0.15;
/** How many times the usual share. */
const LEAST_RISE = 4;
/** With at least this many submitters, an outage is over when one, 5 %, or twice the usual share is refused at most. */
const LEAST_CALM = 5;
const CALM_SHARE = 0.05;
const CALM_RISE = 2;
/** It is also over when nobody was refused for this many steps, even if too few submitters write to the provider. */
const SILENCE = (2 * HOUR) / STEP;
/** What lasts a day is not an outage but how this provider is now. In steps. */
const LONGEST = (24 * HOUR) / STEP;
/** Events older than this, in ms, do not change the result. */
export const OUTAGE_REACH = (LONGEST + IDLE) * STEP;
/** An event this many steps late means that the clock was set back or that an older log is being read. */
const SET_BACK = (2 * HOUR) / STEP;
/** More ended outages than this are not kept for a caller that never takes them. */
const MOST_ENDED = 1000;

interface RunningOutage {
  readonly outage: Outage;
  /** share of the submitters that was usual before it, 0 to 1 */
  readonly usual: number;
}

export class OutageDetector {
  readonly #bounds: DetectorBounds;
  readonly #providers = new Map<string, ProviderHistory>();
  readonly #running = new Map<string, RunningOutage>();
  #step = 0;
  #pairs = 0;
  #ended: Required<Outage>[] = [];

  constructor(bounds: DetectorBounds = DEFAULT_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Looks at an event and returns the outage that is detected with it, if there is one. */
  see(event: CountedEvent): Outage | undefined {
    const { relay, submitter, kind, time } = event;
    if (relay === undefined || submitter === undefined || event.amends === true) return undefined;
    const refusal = isInvalid(event) && event.repeated !== true;
    if (!refusal && kind !== 'delivered') return undefined;
    const provider = PROVIDERS.get(relay);
    if (provider === undefined || !this.#advance(time)) return undefined;
    const history = this.#providers.get(provider) ?? this.#addProvider(provider);
    // Logins ignore case. Otherwise different spellings would turn one submitter into many.
    const id = submitter.type === 'user' ? submitter.id.toLowerCase() : submitter.id;
    const before = history.submitters;
    if (!refusal) history.delivered(id, this.#step);
    const oneMore = refusal && history.refusedRecipient(id, this.#step, time);
    if (history.submitters > before && ++this.#pairs > this.#bounds.pairs) this.#forgetIdle();
    return oneMore && !history.inOutage ? this.#detect(provider, history, time) : undefined;
  }

  /** Whether the event is a refusal by a provider that has an outage now. Such refusals do not count. */
  covers(event: CountedEvent): boolean {
    if (this.#running.size === 0 || event.relay === undefined || !isInvalid(event)) return false;
    return this.#running.has(PROVIDERS.get(event.relay) ?? '');
  }

  /** The provider that refused or accepted the recipient. */
  findProvider({ relay }: CountedEvent): string | undefined {
    return relay === undefined ? undefined : PROVIDERS.get(relay);
  }

  /** The outages that have not ended. */
  running(): readonly Outage[] {
    return [...this.#running.values()].map(({ outage }) => outage);
  }

  /** Replaces a running outage by one that says more. */
  update(outage: Outage): void {
    const running = this.#running.get(outage.provider);
    if (running !== undefined) this.#running.set(outage.provider, { ...running, outage });
  }

  /** The outages that have ended since the last call. */
  takeEnded(): readonly Required<Outage>[] {
    const ended = this.#ended;
    if (ended.length > 0) this.#ended = [];
    return ended;
  }

  /** How much is kept. */
  get size(): { readonly providers: number; readonly pairs: number } {
    return { providers: this.#providers.size, pairs: this.#pairs };
  }

  /** Advances to the step of an event. Returns false when the event is too late to say anything about the present. */
  #advance(time: number): boolean {
    const step = Math.floor(time / STEP);
    if (step === this.#step) return true;
    if (step > this.#step) {
      this.#step = step;
      if (this.#running.size > 0) this.#endOutages(time);
      return true;
    }
    if (step > this.#step - WINDOW) return true;
    if (step > this.#step - SET_BACK) return false;
    this.#startAgain(step, time);
    return true;
  }

  /** All that is known is stamped with a time that may never come. */
  #startAgain(step: number, time: number): void {
    for (const provider of this.#running.keys()) this.#end(provider, time);
    this.#providers.clear();
    this.#pairs = 0;
    this.#step = step;
  }

  #detect(provider: string, history: ProviderHistory, time: number): Outage | undefined {
    const usual = history.usual();
    if (usual === undefined) return undefined;
    for (let steps = 1; steps <= WINDOW; steps++) {
      const share = history.recent(steps);
      if (!isRise(share, usual)) continue;
      const outage: Outage = {
        provider,
        refused: share.refused,
        active: share.active,
        usual: Math.round(1000 * usual) / 10,
        released: [],
        began: time,
        since: findStart(history.refusedSince(steps), usual * share.active, time) - STEP,
      };
      this.#running.set(provider, { outage, usual });
      history.inOutage = true;
      return outage;
    }
    return undefined;
  }

  #endOutages(time: number): void {
    for (const [provider, { outage, usual }] of this.#running) {
      const history = this.#providers.get(provider);
      const isLasting = this.#step - Math.floor(outage.began / STEP) >= LONGEST;
      if (isLasting) history?.forgetPast();
      if (history === undefined || isLasting || this.#isNormal(history, usual)) {
        this.#end(provider, time);
      }
    }
  }

  /** Uses whole steps only: the step that has just begun says nothing yet. */
  #isNormal(history: ProviderHistory, usual: number): boolean {
    history.advance(this.#step - 1);
    if (this.#step - history.lastRefusal > SILENCE) return true;
    const { active, refused } = history.recent(WINDOW);
    if (active < LEAST_CALM) return false;
    return refused <= Math.max(1, active * CALM_SHARE, active * usual * CALM_RISE);
  }

  #end(provider: string, time: number): void {
    const running = this.#running.get(provider);
    const history = this.#providers.get(provider);
    this.#running.delete(provider);
    if (history !== undefined) history.inOutage = false;
    if (running === undefined || this.#ended.length >= MOST_ENDED) return;
    this.#ended.push({ ...running.outage, ended: time });
  }

  #addProvider(provider: string): ProviderHistory {
    if (this.#providers.size >= this.#bounds.providers) this.#forgetSmall();
    const history = new ProviderHistory(this.#step);
    this.#providers.set(provider, history);
    return history;
  }

  /** Made-up domains have few submitters each, so they go first; then those that were not seen for longest. */
  #forgetSmall(): void {
    const goal = (this.#bounds.providers * 3) / 4;
    const all = [...this.#providers].filter(([, { inOutage }]) => !inOutage);
    all.sort(([, a], [, b]) => a.submitters - b.submitters || a.step - b.step);
    for (const [name, history] of all) {
      if (this.#providers.size <= goal) return;
      this.#providers.delete(name);
      this.#pairs -= history.submitters;
    }
  }

  /** Submitters that were not seen for longest go first: the limit on their age is halved until enough are gone. */
  #forgetIdle(): void {
    const goal = (this.#bounds.pairs * 7) / 8;
    for (let age = IDLE; this.#pairs > goal; age = Math.floor(age / 2)) {
      for (const history of this.#providers.values()) {
        this.#pairs -= history.dropIdle(age, this.#step);
      }
    }
  }
}

/** As many as usual (`expected`) would have been refused in any case: the first refusal beyond them tells the start. */
function findStart(refusals: readonly number[], expected: number, now: number): number {
  return refusals[Math.min(Math.floor(expected), refusals.length - 1)] ?? now;
}

function isRise({ active, refused }: Share, usual: number): boolean {
  return (
    refused >= LEAST_REFUSED &&
    refused >= active * LEAST_SHARE &&
    refused >= active * usual * LEAST_RISE
  );
}
