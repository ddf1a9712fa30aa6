/**
 * Notices in the outbox to mails: one for a block, a digest for many. What was written into the outbox in the
 * transaction of a block is composed once and sent until it is accepted.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from './base/log.ts';
import type { Clock } from './base/time.ts';
import type { TargetState } from './enforcer.ts';
import { gatherEvidence } from './evidence.ts';
import type { Evidence, Measures } from './model/evidence.ts';
import { drainOutbox } from './notify/drain.ts';
import type { Notifier } from './notify/mail.ts';
import { blockNotice, type ComposedNotice, cappedNotice, digestNotice } from './notify/notice.ts';
import type { WaitingNotice } from './store/outbox.ts';
import type { Store } from './store/store.ts';

export interface NoticesOptions {
  readonly store: Store;
  readonly notifier: Notifier;
  readonly to: readonly string[];
  readonly from: string;
  /** ms that a notice waits for others after the last mail */
  readonly digest: number;
  readonly cap: number;
  /** description by rule name */
  readonly rules: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly log: Log;
}

interface About {
  readonly verdict: number;
  readonly block?: number;
}

export class Notices {
  readonly #options: NoticesOptions;
  #lastComposed = Number.NEGATIVE_INFINITY;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Composes what waits and sends what is due; gives the ms until there is more to do, if there is. */
  async run(): Promise<number | undefined> {
    const { store, notifier, clock, log, digest } = this.#options;
    const now = clock.now();
    const waiting = store.outbox.waiting();
    const ready = waiting.length > 0 && now - this.#lastComposed >= digest;
    if (ready) this.#compose(waiting, now);
    await drainOutbox(store.outbox, notifier, clock, log);
    const next = store.outbox.nextDue();
    const untilDue = next === undefined ? undefined : Math.max(0, next - clock.now());
    if (waiting.length === 0 || ready) return untilDue;
    return Math.min(untilDue ?? digest, this.#lastComposed + digest - now);
  }

  #compose(waiting: readonly WaitingNotice[], now: number): void {
    const { store } = this.#options;
    this.#lastComposed = now;
    for (const kind of ['verdict', 'capped'] as const) {
      const notices = waiting.filter((notice) => notice.kind === kind);
      if (notices.length === 0) continue;
      const composed = kind === 'verdict' ? this.#blocks(notices) : this.#capped(notices);
      const { from, to } = this.#options;
      const messageId = `<${randomUUID()}@${from.slice(from.lastIndexOf('@') + 1)}>`;
      store.outbox.compose(
        { ...composed, messageId, recipient: to.join(', '), created: now },
        notices.map(({ id }) => id),
      );
    }
  }

  #blocks(notices: readonly WaitingNotice[]): ComposedNotice {
    const parts = notices
      .map((notice) => this.#part(notice.about as About))
      .filter((part) => part !== undefined);
    const [first] = parts;
    return parts.length === 1 && first !== undefined
      ? blockNotice(first.evidence, first.measures)
      : digestNotice(parts);
  }

  #part(about: About): { evidence: Evidence; measures: Measures } | undefined {
    const { store, rules } = this.#options;
    const verdict = store.verdicts.get(about.verdict)?.verdict;
    if (verdict === undefined) return undefined;
    const block = about.block === undefined ? undefined : store.blocks.get(about.block);
    const evidence = gatherEvidence(store, verdict, block, rules.get(verdict.rule));
    return { evidence, measures: measuresFor(store, about.block) };
  }

  #capped(notices: readonly WaitingNotice[]): ComposedNotice {
    const { store, cap } = this.#options;
    const keys = notices.flatMap((notice) => {
      const verdict = store.verdicts.get((notice.about as About).verdict)?.verdict;
      return verdict === undefined ? [] : [verdict];
    });
    return cappedNotice(keys, cap);
  }
}

/** What was done about a block, in sentences; what is not done yet is said as well. */
export function measuresFor(store: Store, block: number | undefined): Measures {
  if (block === undefined) return ['Nothing was changed: Postern only observes here.'];
  const measures: string[] = [];
  const listed = store.state.enforced();
  for (const { name, state } of store.state.targets()) {
    const { file, failure, pending } = state as TargetState;
    if (listed.get(name)?.has(block) !== true) {
      if (failure !== undefined) measures.push(`NOT in force yet: ${failure}`);
      continue;
    }
    measures.push(
      pending ? `Listed in ${file}; the mail server has not read it yet.` : `Listed in ${file}.`,
    );
  }
  const held = store.state.read(`held ${block}`);
  if (typeof held === 'number' && held > 0)
    measures.push(`${held} messages in the queue were held.`);
  return measures.length === 0
    ? ['NOT in force: no block file takes this kind of identity.']
    : measures;
}
