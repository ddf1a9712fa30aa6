/**
 * Tells when a provider is wrong, not those who write to it: on 2020-12-14 and -15 Gmail answered "550-5.1.1 The
 * email account that you tried to reach does not exist" for addresses that do exist, for hours. A provider is suspect
 * while it refuses recipients of many submitters at once who usually deliver there, far more than it did before.
 *
 * A deterministic function of the events, from at most three days of them. Only deliveries and refusals of one of
 * ours that name the host that answered are looked at. Bounded whatever the log says. What follows from a suspicion
 * is the judge's part.
 */
import { HOUR } from '../../base/time.ts';
import { isInvalid, type MailEvent } from '../../model/event.ts';
import { IDLE, ProviderHistory, type Share, STEP, WINDOW } from './history.ts';
import { ProviderNames } from './provider.ts';

/** A provider whose refusals do not count. Times in ms of event time. */
export interface Outage {
  /** the domain that its mail hosts have in common, or their network */
  readonly provider: string;
  /** when it was found out */
  readonly began: number;
  /** when it had started, as far as that can be told; from then on nothing counts that it refused */
  readonly since: number;
  /** submitters with a refusal, of those who were in touch with it lately */
  readonly refused: number;
  readonly active: number;
  /** what is usual there, in percent of the submitters within half an hour */
  readonly usual: number;
}

/** A suspicion that is over; `ended` in ms of event time. */
export interface EndedSuspect extends Outage {
  readonly ended: number;
}

interface GuardBounds {
  readonly providers: number;
  /** submitters over all providers */
  readonly pairs: number;
}

const DEFAULT_BOUNDS: GuardBounds = { providers: 2048, pairs: 30_000 };

/** Fewer refused submitters are coincidence, or a few stolen passwords at the same time. */
const LEAST_REFUSED = 8;
/** Of all submitters that were in touch with the provider lately. */
const LEAST_SHARE = 0.15;
/** As many times what is usual. */
const LEAST_RISE = 4;
/** Normal again, told by at least so many submitters: no more than one refused, 5 %, or twice what is usual. */
const LEAST_CALM = 5;
const CALM_SHARE = 0.05;
const CALM_RISE = 2;
/** Nobody was refused for so long: over, though too few write to tell. Steps. */
const SILENCE = (2 * HOUR) / STEP;
/** What lasts a day is no failure: it is how this provider is now. Steps. */
const LONGEST = (24 * HOUR) / STEP;
/** From how much of the past, in ms, everything is the same whether or not there was more before. */
export const GUARD_REACH = (LONGEST + IDLE) * STEP;
/** Events are older than that only when the clock was set back or an older log is read. Steps. */
const SET_BACK = (2 * HOUR) / STEP;

export class Guard {
  readonly #bounds: GuardBounds;
  readonly #names = new ProviderNames();
  readonly #providers = new Map<string, ProviderHistory>();
  readonly #suspects = new Map<string, Outage & { readonly usualShare: number }>();
  #step = 0;
  #pairs = 0;
  #ended: EndedSuspect[] = [];

  constructor(bounds: GuardBounds = DEFAULT_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Looks at an event; gives the provider that has become suspect with it, if one has. */
  see(event: MailEvent): Outage | undefined {
    const { relay, submitter, kind, time } = event;
    if (relay === undefined || submitter === undefined || event.amends === true) return undefined;
    const refusal = isInvalid(event) && event.repeated !== true;
    if (!refusal && kind !== 'delivered') return undefined;
    const provider = this.#names.of(relay);
    if (provider === undefined || !this.#turn(time)) return undefined;
    const history = this.#providers.get(provider) ?? this.#meet(provider);
    // A login is the same in upper and lower case: spelling must not make many submitters of one.
    const id = submitter.type === 'user' ? submitter.id.toLowerCase() : submitter.id;
    const before = history.submitters;
    if (!refusal) history.delivered(id, this.#step);
    const oneMore = refusal && history.refusedRecipient(id, this.#step, time);
    if (history.submitters > before && ++this.#pairs > this.#bounds.pairs) this.#forgetIdle();
    return oneMore && !history.suspect ? this.#suspicion(provider, history, time) : undefined;
  }

  /** Whether the event is the refusal of a provider that is suspect: such do not count. */
  discounts(event: MailEvent): boolean {
    if (this.#suspects.size === 0 || event.relay === undefined || !isInvalid(event)) return false;
    return this.#suspects.has(this.#names.of(event.relay) ?? '');
  }

  /** The provider whose refusal or delivery this is. */
  providerOf({ relay }: MailEvent): string | undefined {
    return relay === undefined ? undefined : this.#names.of(relay);
  }

  suspects(): readonly Outage[] {
    return [...this.#suspects.values()].map(({ usualShare: _, ...suspect }) => suspect);
  }

  /** Suspicions that have ended since the last call. */
  takeEnded(): readonly EndedSuspect[] {
    const ended = this.#ended;
    if (ended.length > 0) this.#ended = [];
    return ended;
  }

  /** How much is kept. */
  get size(): { readonly providers: number; readonly pairs: number } {
    return { providers: this.#providers.size, pairs: this.#pairs };
  }

  /** Goes on to the step of an event; false when the event is too late to say anything about the present. */
  #turn(time: number): boolean {
    const step = Math.floor(time / STEP);
    if (step === this.#step) return true;
    if (step > this.#step) {
      this.#step = step;
      if (this.#suspects.size > 0) this.#endSuspicions(time);
      return true;
    }
    if (step > this.#step - WINDOW) return true;
    if (step > this.#step - SET_BACK) return false;
    this.#startAgain(step, time);
    return true;
  }

  /** What is known lies in a future that may never come. */
  #startAgain(step: number, time: number): void {
    for (const provider of this.#suspects.keys()) this.#end(provider, time);
    this.#providers.clear();
    this.#pairs = 0;
    this.#step = step;
  }

  #suspicion(provider: string, history: ProviderHistory, time: number): Outage | undefined {
    const usual = history.usual();
    if (usual === undefined) return undefined;
    for (let steps = 1; steps <= WINDOW; steps++) {
      const share = history.recent(steps);
      if (!isRise(share, usual)) continue;
      const times = history.refusedSince(steps);
      // As many as usual would have been refused in any case: the first of the others tells when it started.
      const first = times[Math.min(Math.floor(usual * share.active), times.length - 1)] ?? time;
      const suspect = {
        provider,
        began: time,
        since: first - STEP,
        ...share,
        usual: Math.round(1000 * usual) / 10,
      };
      this.#suspects.set(provider, { ...suspect, usualShare: usual });
      history.suspect = true;
      return suspect;
    }
    return undefined;
  }

  #endSuspicions(time: number): void {
    for (const [provider, { began, usualShare }] of this.#suspects) {
      const history = this.#providers.get(provider);
      const isLasting = this.#step - Math.floor(began / STEP) >= LONGEST;
      if (isLasting) history?.forgetPast();
      if (history === undefined || isLasting || this.#isNormal(history, usualShare)) {
        this.#end(provider, time);
      }
    }
  }

  /** Judged by whole steps: the one that has just begun says nothing yet. */
  #isNormal(history: ProviderHistory, usual: number): boolean {
    history.advance(this.#step - 1);
    if (this.#step - history.lastRefusal > SILENCE) return true;
    const { active, refused } = history.recent(WINDOW);
    if (active < LEAST_CALM) return false;
    return refused <= Math.max(1, active * CALM_SHARE, active * usual * CALM_RISE);
  }

  #end(provider: string, time: number): void {
    const suspect = this.#suspects.get(provider);
    const history = this.#providers.get(provider);
    this.#suspects.delete(provider);
    if (history !== undefined) history.suspect = false;
    if (suspect === undefined || this.#ended.length >= 1000) return;
    const { usualShare: _, ...rest } = suspect;
    this.#ended.push({ ...rest, ended: time });
  }

  #meet(provider: string): ProviderHistory {
    if (this.#providers.size >= this.#bounds.providers) this.#forgetSmall();
    const history = new ProviderHistory(this.#step);
    this.#providers.set(provider, history);
    return history;
  }

  /** Made-up domains have few submitters each: they go first, then whoever was not heard of for longest. */
  #forgetSmall(): void {
    const goal = (this.#bounds.providers * 3) / 4;
    const all = [...this.#providers].filter(([, { suspect }]) => !suspect);
    all.sort(([, a], [, b]) => a.submitters - b.submitters || a.step - b.step);
    for (const [name, history] of all) {
      if (this.#providers.size <= goal) return;
      this.#providers.delete(name);
      this.#pairs -= history.submitters;
    }
  }

  /** Those who were not seen for longest go first, in halves of the time. */
  #forgetIdle(): void {
    const goal = (this.#bounds.pairs * 7) / 8;
    for (let age = IDLE; this.#pairs > goal; age = Math.floor(age / 2)) {
      for (const history of this.#providers.values()) {
        this.#pairs -= history.dropIdle(age, this.#step);
      }
    }
  }
}

function isRise({ active, refused }: Share, usual: number): boolean {
  return (
    refused >= LEAST_REFUSED &&
    refused >= active * LEAST_SHARE &&
    refused >= active * usual * LEAST_RISE
  );
}
