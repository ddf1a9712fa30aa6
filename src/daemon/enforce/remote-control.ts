/** The step as the reader sees it: the reader requests changes of the MTA and waits for the reply. */
import { dropUndefined } from '../../base/defined.ts';
import { PosternError } from '../../base/errors.ts';
import { WakeUp } from '../../base/wake-up.ts';
import type { QueueResult } from '../../enforce/queue/queue.ts';
import type { Reconciliation } from '../../enforce/reconcile.ts';
import type { MtaControl } from '../mta-control.ts';
import type { FindRequest, FindResult, HeldQueue } from '../queue-access.ts';
import { encodeReconcile, type Opening, type Reply, type Request } from './protocol.ts';

export class RemoteControl {
  /** woken when a target's file was touched, or when the step has ended */
  readonly wakeUp = new WakeUp();
  readonly #opening: Opening;
  readonly #send: (line: string) => void;
  #hasEnded = false;
  #hasChange = false;
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | undefined;

  /** `send` writes a line to the step. */
  constructor(opening: Opening, send: (line: string) => void) {
    this.#opening = opening;
    this.#send = send;
  }

  /** Whether the step has ended, or wants the reader to end. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Its methods throw a PosternError when the step refuses a request or ends. */
  buildControl(): MtaControl {
    const { targets, configured, hold, policy } = this.#opening;
    return {
      targets,
      configured,
      hasPolicy: policy,
      reconcile: (request) => this.#reconcile(encodeReconcile(request)),
      queue: hold ? this.#buildQueue() : undefined,
    };
  }

  /** Whether a target's file was touched since the last call. */
  takeChange(): boolean {
    const hasChange = this.#hasChange;
    this.#hasChange = false;
    return hasChange;
  }

  /** Receives the lines of the step until it sends no more. */
  async listen(lines: AsyncIterable<string>): Promise<void> {
    for await (const line of lines) {
      const reply = JSON.parse(line) as Reply;
      if (reply.kind === 'changed') {
        this.#hasChange = true;
        this.wakeUp.wake();
      } else {
        this.#waiting?.resolve(reply);
      }
    }
    this.#hasEnded = true;
    this.#waiting?.reject(fail('ended', 'postern enforce has ended'));
    this.wakeUp.wake();
  }

  async #reconcile(request: Request): Promise<Reconciliation> {
    const reply = await this.#request(request);
    if (reply.kind !== 'reconciled') throw describeRefusal(reply);
    return reply.result;
  }

  #buildQueue(): HeldQueue {
    return {
      find: ({ owner, known }: FindRequest) =>
        this.#find({ kind: 'find', owner, known: known.map((each) => dropUndefined(each)) }),
      hold: (ids) => this.#hold({ kind: 'hold', ids: [...ids] }),
    };
  }

  async #find(request: Request): Promise<FindResult> {
    const reply = await this.#request(request);
    if (reply.kind !== 'found') throw describeRefusal(reply);
    return reply.result;
  }

  async #hold(request: Request): Promise<QueueResult> {
    const reply = await this.#request(request);
    if (reply.kind !== 'held') throw describeRefusal(reply);
    return reply.result;
  }

  async #request(request: Request): Promise<Reply> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#send(JSON.stringify(request));
    });
    this.#waiting = undefined;
    return reply;
  }
}

function describeRefusal(reply: Reply): PosternError {
  const reason =
    reply.kind === 'refused' ? reply.reason : `a reply to another request (${reply.kind})`;
  return fail('refused', `postern enforce refused: ${reason}`);
}

function fail(code: string, message: string): PosternError {
  return new PosternError('environment', message, { code });
}
