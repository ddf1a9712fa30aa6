/**
 * Notices in the outbox to mails: one for a block, a digest for many. What was written into the outbox in the
 * transaction of a block is composed once and sent until it is accepted.
 */

import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import { counted } from '../base/text.ts';
import { type Clock, formatTime, SECOND } from '../base/time.ts';
import type { Rule } from '../judge/rule.ts';
import type { Verdict } from '../model/block.ts';
import { buildValueFormat, type Evidence, type Measures } from '../model/evidence.ts';
import type { Outage } from '../model/outage.ts';
import { addressMails, type ComposedNotice } from '../notify/compose.ts';
import { Drain } from '../notify/drain.ts';
import type { Notifier } from '../notify/mail.ts';
import { blockNotice, digestNotice, MAX_DIGEST_DETAILS } from '../notify/notice.ts';
import { cappedNotice, outageNotice } from '../notify/warning.ts';
import { describeRelease } from '../report/block.ts';
import { gatherEvidence } from '../report/evidence.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { NOTICE_KINDS, type NoticeKind, type WaitingNotice } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import { triedBlock } from './enforcer.ts';
import { heldFor, unheld } from './held-queue.ts';

interface NoticesOptions {
  readonly store: Store;
  readonly notifier: Notifier;
  readonly to: readonly string[];
  readonly from: string;
  /** ms that a notice waits for others after the last mail */
  readonly digest: number;
  readonly cap: number;
  /** by name */
  readonly rules: ReadonlyMap<string, Rule>;
  readonly clock: Clock;
  readonly log: Log;
  /** everything that was logged until now has been read and stored; default: always */
  readonly isLogRead?: () => boolean;
  /** ends the sending */
  readonly signal?: AbortSignal;
}

/** As long the notice of a block waits for what comes of it, ms. */
const ENFORCING_TAKES = 30 * SECOND;
/** How soon to look again whether the log has been read, ms. */
const LOOK_AGAIN = SECOND;

interface About {
  readonly verdict: number;
  readonly block?: number;
}

/** What a mail tells of one verdict. */
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

  /** Composes what waits and sends what is due; gives the ms until there is more to do, if there is. */
  async run(): Promise<number | undefined> {
    const { store, clock, digest } = this.#options;
    const now = clock.now();
    // A clock that was set back must not make the digest wait for the old time to come again.
    if (now < this.#lastComposed) this.#lastComposed = now;
    const waiting = this.#waiting(now);
    const ready = waiting.length > 0 && now - this.#lastComposed >= digest;
    if (ready) await this.#compose(waiting, now);
    await this.#drain.run();
    const next = store.outbox.nextDue();
    const untilDue = next === undefined ? undefined : Math.max(LOOK_AGAIN, next - clock.now());
    // After a flood one mail does not take all of them in.
    const left = ready ? store.outbox.waiting() : waiting;
    if (left.length === 0) return untilDue;
    if (ready) return Math.min(untilDue ?? digest, digest);
    return Math.min(untilDue ?? digest, this.#lastComposed + digest - now);
  }

  /** What can be told: of a block not before it was tried to bring it into force, for a while at least. */
  #waiting(now: number): WaitingNotice[] {
    const { store } = this.#options;
    const tried = triedBlock(store);
    return store.outbox.waiting().filter(({ kind, about, created }) => {
      const block = kind === 'verdict' ? (about as About).block : undefined;
      return block === undefined || block <= tried || now - created >= ENFORCING_TAKES;
    });
  }

  async #compose(waiting: readonly WaitingNotice[], now: number): Promise<void> {
    const { from, to, store } = this.#options;
    this.#lastComposed = now;
    for (const kind of NOTICE_KINDS) {
      const notices = waiting.filter((notice) => notice.kind === kind);
      if (notices.length === 0) continue;
      const composed = await this.#composed(kind, notices);
      const ids = notices.map(({ id }) => id);
      if (composed === undefined) store.outbox.drop(ids);
      else store.outbox.compose(addressMails(composed, { from, to, created: now }), ids);
    }
  }

  /** Undefined when nothing is known any more of what was to be told. */
  async #composed(
    kind: NoticeKind,
    notices: readonly WaitingNotice[],
  ): Promise<ComposedNotice | undefined> {
    switch (kind) {
      case 'verdict':
        return await this.#blocks(notices);
      case 'capped':
        return this.#capped(notices);
      case 'suspect':
        return outageNotice(notices.map(({ about }) => about as Outage));
    }
  }

  async #blocks(notices: readonly WaitingNotice[]): Promise<ComposedNotice | undefined> {
    const about = notices.map((notice) => notice.about as About);
    const parts: Part[] = [];
    for (const each of about.slice(0, MAX_DIGEST_DETAILS)) {
      const part = await this.#part(each);
      if (part !== undefined) parts.push(part);
    }
    const others = about
      .slice(MAX_DIGEST_DETAILS)
      .map((each) => this.#found(each))
      .filter((found) => found !== undefined);
    if (parts.length + others.length === 0) return undefined;
    const measure = buildValueFormat(this.#options.rules.values());
    const [first] = parts;
    return parts.length === 1 && others.length === 0 && first !== undefined
      ? blockNotice(first.evidence, first.measures, measure)
      : digestNotice(parts, others, measure);
  }

  async #part(about: About): Promise<Part | undefined> {
    const { store, rules } = this.#options;
    const found = this.#found(about);
    if (found === undefined) return undefined;
    const { verdict, block } = found;
    const evidence = await gatherEvidence(store, verdict, block, rules.get(verdict.rule));
    return { evidence, measures: measuresFor(store, block) };
  }

  #found(about: About): { verdict: Verdict; block?: StoredBlock } | undefined {
    const { store } = this.#options;
    const verdict = store.verdicts.get(about.verdict)?.verdict;
    if (verdict === undefined) return undefined;
    const block = about.block === undefined ? undefined : store.blocks.get(about.block);
    return dropUndefined({ verdict, block });
  }

  #capped(notices: readonly WaitingNotice[]): ComposedNotice | undefined {
    const { store, cap } = this.#options;
    const keys = notices.flatMap((notice) => {
      const verdict = store.verdicts.get((notice.about as About).verdict)?.verdict;
      return verdict === undefined ? [] : [verdict];
    });
    return keys.length === 0 ? undefined : cappedNotice(keys, cap);
  }
}

/** What was done about a block, in sentences; what is not done yet is said as well. */
export function measuresFor(store: Store, block: StoredBlock | undefined): Measures {
  if (block === undefined) return ['Nothing was changed: Postern only observes here.'];
  if (block.released !== undefined)
    return [`Ended ${formatTime(block.released)}: ${describeRelease(block)}.`];
  const measures: string[] = [];
  const listed = store.state.enforced();
  for (const { name, state } of store.state.targets()) {
    const { file, failure, pending } = state;
    if (listed.get(name)?.has(block.id) !== true) {
      if (failure !== undefined) measures.push(`NOT in force yet: ${failure}`);
      continue;
    }
    measures.push(
      pending ? `Listed in ${file}; the mail server has not read it yet.` : `Listed in ${file}.`,
    );
  }
  const held = heldFor(store, block.id);
  if (held > 0) measures.push(`Held in the queue: ${counted(held, 'message')}.`);
  const left = unheld(store).find((each) => each.block === block.id);
  if (left !== undefined) measures.push(`Queued mail is NOT held yet: ${left.failure}`);
  return measures.length === 0 ? ['NOT in force: see postern status.'] : measures;
}
