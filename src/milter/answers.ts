/**
 * What handlers answer, as bytes for the mail server, and counted. What cannot be done as it was meant is a temporary
 * failure, never a message that is lost.
 */
import { encodeChanges, findForbidden } from './changes.ts';
import type { MilterCounters } from './counters.ts';
import { encodeFrame } from './frame.ts';
import type { Conclusion } from './handler.ts';
import type { Message } from './message.ts';
import { encodeRefusal } from './reply.ts';
import { FAILED, type Refusal, type Verdict } from './verdict.ts';

export const ANSWER = { continue: encodeFrame('c'), accept: encodeFrame('a') } as const;

export class Answers {
  readonly #counters: MilterCounters;
  readonly #noteFailure: (error: unknown) => void;

  constructor(counters: MilterCounters, noteFailure: (error: unknown) => void) {
    this.#counters = counters;
    this.#noteFailure = noteFailure;
  }

  /** Changes and verdict. */
  encodeConclusion({ verdict, changes }: Conclusion, message: Message): string {
    if (verdict.kind === 'refuse') return this.encodeVerdict(verdict);
    const { actions } = message.session;
    try {
      const why = findForbidden(changes, actions) ?? findLoss(changes, message);
      if (why !== undefined) throw new Error(why);
      const bytes = encodeChanges(changes, actions);
      if (bytes !== '') this.#counters.changed++;
      return bytes + ANSWER.continue;
    } catch (error) {
      this.#noteFailure(error);
      return this.encodeVerdict(FAILED);
    }
  }

  encodeVerdict(verdict: Verdict): string {
    if (verdict.kind !== 'refuse') return ANSWER[verdict.kind];
    try {
      const bytes = encodeRefusal(verdict);
      this.#countRefusal(verdict);
      return bytes;
    } catch (error) {
      this.#noteFailure(error);
      this.#countRefusal(FAILED);
      return encodeRefusal(FAILED);
    }
  }

  #countRefusal({ code }: Refusal): void {
    if (code < 500) this.#counters.deferred++;
    else this.#counters.rejected++;
  }
}

/** A message of which all recipients are deleted and none is added is accepted and delivered to nobody. */
function findLoss(changes: Conclusion['changes'], { recipients }: Message): string | undefined {
  const deleted = new Set(
    changes.flatMap((change) => (change.kind === 'delete-recipient' ? [change.argument] : [])),
  );
  if (deleted.size === 0 || changes.some(({ kind }) => kind === 'add-recipient')) return undefined;
  const isLost = recipients.every(({ argument }) => deleted.has(argument));
  return isLost ? 'all recipients deleted and none added: the message would be lost' : undefined;
}
