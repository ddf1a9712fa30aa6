/** `postern queue --hold`, `--release` and `--delete`: what is done with queued messages, and what came out. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { SECOND } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { QueuedMessage } from '../enforce/queue/message.ts';
import type { ActionOutcome, MailQueue, QueueAction, QueueResult } from '../enforce/queue/queue.ts';
import { Selection } from '../enforce/queue/selection.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { listingText, messageJson, outcomesCsv, outcomesText } from './queue-text.ts';

interface ChangeOptions extends Omit<CommonOptions, 'format'> {
  readonly format?: 'text' | 'json' | 'csv';
  /** delete without a question */
  readonly yes?: boolean;
  readonly io: Io;
}

/** After which pauses to look whether released mail has left the queue, ms. */
const PAUSES = [0.5, 1, 1.5, 3, 4].map((seconds) => seconds * SECOND);
const LOOKING = 30 * SECOND;

interface CarriedOut {
  readonly status: ExitStatus;
  /** empty: nobody confirmed it */
  readonly outcomes: readonly ActionOutcome[];
}

export class QueueChange {
  readonly #queue: MailQueue;
  readonly #messages: readonly QueuedMessage[];
  readonly #options: ChangeOptions;

  constructor(queue: MailQueue, messages: readonly QueuedMessage[], options: ChangeOptions) {
    this.#queue = queue;
    this.#messages = messages;
    this.#options = options;
  }

  /**
   * Acts on the messages and prints what the mail server did. Status 1 when it refuses. Throws a PosternError
   * (exit status 2) for a deletion that nobody can confirm.
   */
  async carryOut(action: QueueAction): Promise<CarriedOut> {
    if (action === 'remove' && !this.#isConfirmed()) {
      this.#options.io.stderr('Nothing was deleted.\n');
      return { status: EXIT.failed, outcomes: [] };
    }
    const result = await this.#act(action);
    const left = action === 'release' ? await this.#deliver(result) : undefined;
    this.#print(action, result, left);
    if (result.failure !== undefined)
      this.#options.io.stderr(`postern: ${result.failure.message}\n`);
    const isDone = ({ outcome }: ActionOutcome) => outcome !== 'busy' && outcome !== 'failed';
    const isCarriedOut = result.failure === undefined && result.outcomes.every(isDone);
    return { status: isCarriedOut ? EXIT.done : EXIT.failed, outcomes: result.outcomes };
  }

  /** A deletion cannot be undone. */
  #isConfirmed(): boolean {
    const { yes, io } = this.#options;
    if (yes === true || this.#messages.length === 0) return true;
    const question = `Delete ${counted(this.#messages.length, 'message')} for good? [y/N] `;
    io.stderr(listingText(this.#messages));
    const answer = io.ask?.(question);
    if (answer === undefined)
      throw new PosternError('usage', 'queue --delete: nobody is there to confirm it, add --yes');
    return /^y(?:es)?$/i.test(answer.trim());
  }

  /** What was as wanted before needs no command. */
  async #act(action: QueueAction): Promise<QueueResult> {
    const isThere = ({ held }: QueuedMessage) =>
      (action === 'hold' && held) || (action === 'release' && !held);
    const before = this.#messages.filter(isThere);
    const others = this.#messages.filter((message) => !isThere(message));
    const result = await this.#queue.act(
      action,
      others.map(({ queueId }) => queueId),
    );
    const already = before.map(({ queueId }): ActionOutcome => ({ queueId, outcome: 'already' }));
    return { ...result, outcomes: [...result.outcomes, ...already] };
  }

  /** Asks for delivery and waits a little; returns what is still in the queue then. */
  async #deliver({ outcomes }: QueueResult): Promise<readonly QueuedMessage[]> {
    const { io } = this.#options;
    const ids = outcomes
      .filter(({ outcome }) => outcome === 'done' || outcome === 'already')
      .map(({ queueId }) => queueId);
    if (ids.length === 0) return [];
    const { unasked, failure } = await this.#queue.deliver(ids);
    if (failure !== undefined) io.stderr(`postern: ${failure.message}\n`);
    if (unasked > 0)
      io.stderr(
        `postern: delivery of ${counted(unasked, 'message')} is left to the next queue run\n`,
      );
    return await this.#waitForDelivery(ids);
  }

  async #waitForDelivery(ids: readonly string[]): Promise<readonly QueuedMessage[]> {
    const selection = new Selection({ ids });
    let left: readonly QueuedMessage[] = [];
    for (const pause of PAUSES) {
      await waitOrAbort(pause, undefined);
      left = (await this.#queue.list(selection, LOOKING)).messages;
      if (left.length === 0) break;
    }
    return left;
  }

  /** postsuper moves or deletes the queue file of a message that smtp(8) has open; the attempt goes on. */
  #attemptsText(action: QueueAction): string {
    const active = this.#messages.filter(({ state }) => state === 'active').length;
    if (active === 0 || action === 'release') return '';
    return `${counted(active, 'message')} may have been under delivery: that attempt is not stopped.\n`;
  }

  #print(
    action: QueueAction,
    { outcomes }: QueueResult,
    left: readonly QueuedMessage[] | undefined,
  ): void {
    const { format, io } = this.#options;
    if (format === 'json') {
      const stillQueued = left === undefined ? {} : { stillQueued: left.map(messageJson) };
      const name = action === 'remove' ? 'delete' : action;
      io.stdout(jsonLine({ action: name, outcomes, ...stillQueued }));
      return;
    }
    if (format === 'csv') {
      io.stdout(outcomesCsv(outcomes));
      return;
    }
    io.stdout(outcomesText(action, outcomes) + this.#attemptsText(action));
    if (left !== undefined) io.stdout(deliveryText(outcomes, left));
  }
}

function deliveryText(outcomes: readonly ActionOutcome[], left: readonly QueuedMessage[]): string {
  const asked = outcomes.filter(
    ({ outcome }) => outcome === 'done' || outcome === 'already',
  ).length;
  if (asked === 0) return '';
  const sum = `Delivery was asked for: ${counted(asked - left.length, 'message')} left the queue, ${left.length} still there.\n`;
  return left.length === 0 ? sum : `${sum}${listingText(left)}`;
}
