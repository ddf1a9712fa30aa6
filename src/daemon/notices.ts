/**
 * From notices in the outbox to mails: one for a block, a digest for many. A notice is written into the outbox in the
 * transaction of its block, composed once, and sent until it is accepted.
 */

import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import { type Clock, SECOND } from '../base/time.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block, Key, Verdict, VerdictOutcome } from '../model/block.ts';
import { buildValueFormat, type Evidence, type Measures } from '../model/evidence.ts';
import type { ListingChange } from '../model/listing.ts';
import type { BlindChange } from '../model/occurrence.ts';
import type { Outage } from '../model/outage.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { addressMails, type ComposedNotice } from '../notify/compose.ts';
import { Drain } from '../notify/drain.ts';
import { listingNotice } from '../notify/listing.ts';
import type { Notifier } from '../notify/mail.ts';
import { blockNotice, digestNotice, MAX_DIGEST_DETAILS } from '../notify/notice.ts';
import { blindNotice, cappedNotice, outageNotice } from '../notify/warning.ts';
import { DEFERRED_TEXT, UNBLOCKABLE_TEXT } from '../report/block.ts';
import { gatherEvidence } from '../report/evidence.ts';
import type { QuotedJournals } from '../report/quoted-lines.ts';
import { NOTICE_KINDS, type NoticeKind, type WaitingNotice } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { readTriedBlock } from './enforcer.ts';
import { describeMeasures } from './in-force.ts';

interface NoticesOptions {
  readonly store: Store;
  readonly notifier: Notifier;
  readonly to: readonly string[];
  readonly from: string;
  /** ms that a notice waits for others after the last mail */
  readonly digest: number;
  readonly cap: number;
  /** how the texts show the server, times and these keys; default: UTC, without the server */
  readonly loadStyle?: (keys: readonly Key[]) => Promise<Style>;
  /** by name */
  /** where lines are quoted from that are in no file */
  readonly journals?: QuotedJournals;
  readonly rules: ReadonlyMap<string, Rule>;
  readonly clock: Clock;
  readonly log: Log;
  /** whether everything that was logged until now has been read and stored; default: always */
  readonly isLogRead?: () => boolean;
  /** ends the sending */
  readonly signal?: AbortSignal;
}

/** How long the notice of a block waits for the outcome of enforcing it, ms. */
const LONGEST_ENFORCING = 30 * SECOND;
/** How soon to check again whether the log has been read, ms. */
const SHORTEST_PAUSE = SECOND;

/** What a notice of a verdict refers to, by number. */
interface Reference {
  readonly verdict: number;
  readonly block?: number;
}

/** What was done about a verdict without a block; the other outcomes depend on the database. */
const OUTCOME_TEXTS: Readonly<Partial<Record<VerdictOutcome, string>>> = {
  unblockable: UNBLOCKABLE_TEXT,
  deferred: DEFERRED_TEXT,
};

/** What a mail says of one verdict. */
interface Part {
  readonly evidence: Evidence;
  readonly measures: Measures;
}

export class Notices {
  readonly #options: NoticesOptions;
  readonly #drain: Drain;
  #lastComposed = Number.NEGATIVE_INFINITY;

  constructor(options: NoticesOptions) {
    const { store, isLogRead = () => true } = options;
    this.#options = options;
    this.#drain = new Drain({ ...options, queue: store.outbox, isLogRead });
  }

  /** Composes what waits and sends what is due; returns the ms until there is more to do, if there is. */
  async run(): Promise<number | undefined> {
    const { store, clock, digest } = this.#options;
    const now = clock.now();
    // If the clock was set back, the digest must not wait for the old time to come again.
    if (now < this.#lastComposed) this.#lastComposed = now;
    const waiting = this.#listReady(now);
    const ready = waiting.length > 0 && now - this.#lastComposed >= digest;
    if (ready) await this.#composeAll(waiting, now);
    await this.#drain.run();
    const next = store.outbox.nextDue();
    const untilDue = next === undefined ? undefined : Math.max(SHORTEST_PAUSE, next - clock.now());
    // After a flood one mail does not take all of them.
    const left = ready ? store.outbox.waiting() : waiting;
    if (left.length === 0) return untilDue;
    if (ready) return Math.min(untilDue ?? digest, digest);
    return Math.min(untilDue ?? digest, this.#lastComposed + digest - now);
  }

  /** Notices that can be sent: that of a block waits, for a while, until it was tried to bring the block into force. */
  #listReady(now: number): WaitingNotice[] {
    const { store } = this.#options;
    const tried = readTriedBlock(store);
    return store.outbox.waiting().filter(({ kind, about, created }) => {
      const block = kind === 'verdict' ? (about as Reference).block : undefined;
      return block === undefined || block <= tried || now - created >= LONGEST_ENFORCING;
    });
  }

  async #composeAll(waiting: readonly WaitingNotice[], now: number): Promise<void> {
    const { from, to, store } = this.#options;
    this.#lastComposed = now;
    for (const kind of NOTICE_KINDS) {
      const notices = waiting.filter((notice) => notice.kind === kind);
      if (notices.length === 0) continue;
      const composed = await this.#compose(kind, notices);
      const ids = notices.map(({ id }) => id);
      if (composed === undefined) store.outbox.drop(ids);
      else store.outbox.compose(addressMails(composed, { from, to, created: now }), ids);
    }
  }

  /** Undefined if what the notices refer to has been deleted. */
  async #compose(
    kind: NoticeKind,
    notices: readonly WaitingNotice[],
  ): Promise<ComposedNotice | undefined> {
    switch (kind) {
      case 'verdict':
        return await this.#composeVerdicts(notices.map(({ about }) => about as Reference));
      case 'capped':
        return await this.#composeCapped(notices.map(({ about }) => about as Reference));
      case 'suspect':
        return outageNotice(
          notices.map(({ about }) => about as Outage),
          await this.#loadStyle([]),
        );
      case 'blind':
        return blindNotice(
          notices.map(({ about }) => about as BlindChange),
          await this.#loadStyle([]),
        );
      case 'listing':
        return listingNotice(
          notices.map(({ about }) => about as ListingChange),
          await this.#loadStyle([]),
        );
    }
  }

  async #composeVerdicts(references: readonly Reference[]): Promise<ComposedNotice | undefined> {
    const parts: Part[] = [];
    const keys = references.flatMap((one) => this.#find(one)?.verdict.key ?? []);
    const style = await this.#loadStyle(keys);
    for (const reference of references.slice(0, MAX_DIGEST_DETAILS)) {
      const part = await this.#gatherPart(reference, style);
      if (part !== undefined) parts.push(part);
    }
    const others = references
      .slice(MAX_DIGEST_DETAILS)
      .map((reference) => this.#find(reference))
      .filter((found) => found !== undefined);
    if (parts.length + others.length === 0) return undefined;
    const measure = buildValueFormat(this.#options.rules.values());
    const [first] = parts;
    return parts.length === 1 && others.length === 0 && first !== undefined
      ? blockNotice(first.evidence, first.measures, measure, style)
      : digestNotice(parts, others, measure, style);
  }

  async #gatherPart(reference: Reference, style: Style): Promise<Part | undefined> {
    const { store, rules, journals } = this.#options;
    const found = this.#find(reference);
    if (found === undefined) return undefined;
    const { verdict, block, outcome } = found;
    const rule = rules.get(verdict.rule);
    const evidence = await gatherEvidence(store, verdict, block, rule, journals);
    const measures =
      OUTCOME_TEXTS[outcome] === undefined
        ? describeMeasures(store, block, style)
        : [OUTCOME_TEXTS[outcome]];
    return { evidence, measures };
  }

  #find(
    reference: Reference,
  ): { verdict: Verdict; outcome: VerdictOutcome; block?: StoredBlock } | undefined {
    const { store } = this.#options;
    const stored = store.verdicts.get(reference.verdict);
    if (stored === undefined) return undefined;
    const { verdict, outcome } = stored;
    const block = reference.block === undefined ? undefined : store.blocks.get(reference.block);
    return dropUndefined({ verdict, outcome, block });
  }

  /** Who was blocked after all, by hand or by a later verdict, is no longer not blocked. */
  async #composeCapped(references: readonly Reference[]): Promise<ComposedNotice | undefined> {
    const { store, cap } = this.#options;
    const verdicts = references
      .map(({ verdict }) => store.verdicts.get(verdict)?.verdict)
      .filter((verdict) => verdict !== undefined)
      .filter(({ key }) => store.blocks.running(key as Block['key']) === undefined);
    if (verdicts.length === 0) return undefined;
    const style = await this.#loadStyle(verdicts.map(({ key }) => key));
    return cappedNotice(verdicts, cap, style);
  }

  async #loadStyle(keys: readonly Key[]): Promise<Style> {
    return (await this.#options.loadStyle?.(keys)) ?? PLAIN_STYLE;
  }
}
