/**
 * One connection of the mail server as a state machine: frames in, bytes out. One reply for each command that expects
 * one, in order. While a handler works, what arrives waits in a queue. If the mail server gives the message up meanwhile
 * (ABORT) or ends the connection, the handler's signal is aborted and its answer is not sent.
 * Knows no socket. A frame that is broken, or not expected here, ends the connection.
 */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SECOND } from '../base/time.ts';
import type { EnvelopeAddress } from './address.ts';
import { encodeChanges, findForbidden } from './changes.ts';
import { type Command, parseCommand } from './command.ts';
import type { MilterCounters } from './counters.ts';
import { encodeFrame, type Frame } from './frame.ts';
import { BUDGET, type Conclusion, type MilterHandler } from './handler.ts';
import { Message, Session } from './message.ts';
import { nameBits, negotiate, PROTOCOL, type SilentStage } from './negotiation.ts';
import { encodeRefusal } from './reply.ts';
import { ACCEPT, CONTINUE, FAILED, type Refusal, tempfail, type Verdict } from './verdict.ts';

export interface DialogueOptions {
  readonly number: number;
  /** the handler for the next message: another one after a reload */
  readonly handler: () => MilterHandler;
  /** Takes bytes for the mail server, a byte string. */
  readonly send: (bytes: string) => void;
  /** Ends the connection; `why`: what was against the protocol. */
  readonly end: (why?: string) => void;
  readonly counters: MilterCounters;
  readonly log: Log;
}

const ANSWER = { continue: encodeFrame('c'), accept: encodeFrame('a') } as const;
const NO_ROOM = tempfail('4.5.3', 'Too many recipients', 452);

/** Of those that a handler may lack, the ones that matter for the negotiation. */
const STAGES = ['connect', 'helo', 'mail'] as const;

type Step = Exclude<Command, { kind: 'macro' | 'abort' | 'quit' }>;

export class Dialogue {
  readonly #options: DialogueOptions;
  #session: Session;
  #handler: MilterHandler;
  #message: Message | undefined;
  /** commands that get no reply */
  #silent: ReadonlySet<SilentStage> = new Set();
  /** what a handler said to MAIL when there was no reply to it: the recipients hear it */
  #settled: Verdict | undefined;
  #isNegotiated = false;
  #isConnected = false;
  #isEnded = false;
  /** a handler failed at CONNECT or HELO, and may not know what it needs */
  #isUncertain = false;
  readonly #queue: Command[] = [];
  /** the command whose handler works */
  #busy: { readonly command: Command; isCancelled: boolean } | undefined;
  /** replies to what is read now */
  #output = '';
  #isReading = false;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#session = new Session(options.number);
    this.#handler = options.handler();
  }

  /** Commands that wait for a handler. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes the next frames. */
  receive(frames: readonly Frame[]): void {
    for (const frame of frames) {
      const command = parseCommand(frame);
      if (command === undefined) {
        this.#work();
        return this.break(`not a ${JSON.stringify(frame.command)} frame`);
      }
      if (this.#busy !== undefined) this.#noteInterruption(command);
      this.#queue.push(command);
    }
    this.#work();
  }

  /** The connection has ended. */
  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#queue.length = 0;
    if (this.#busy !== undefined) this.#busy.isCancelled = true;
    this.#abandonMessage();
    this.#session.abort();
    this.#tell(() => this.#handler.close?.(this.#session));
  }

  /** ABORT cancels what a handler does for the message, QUIT whatever it does. Nobody waits for the answers any more. */
  #noteInterruption(command: Command): void {
    const { kind } = command;
    if (kind !== 'abort' && kind !== 'quit' && kind !== 'restart') return;
    const busy = this.#busy;
    if (busy === undefined || busy.isCancelled) return;
    const isOfMessage = !['connect', 'helo'].includes(busy.command.kind);
    if (kind === 'abort' && !isOfMessage) return;
    busy.isCancelled = true;
    this.#queue.length = 0;
    this.#message?.abort();
    if (kind !== 'abort') this.#session.abort();
    this.#busy = undefined;
  }

  #work(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let at = 0; this.#busy === undefined && !this.#isEnded; at++) {
      const command = this.#queue[at];
      if (command === undefined) {
        this.#queue.length = 0;
        break;
      }
      this.#obey(command);
      if (this.#busy !== undefined) this.#queue.splice(0, at + 1);
    }
    this.#isReading = false;
    this.#flush();
  }

  #flush(): void {
    const output = this.#output;
    this.#output = '';
    if (output !== '' && !this.#isEnded) this.#options.send(output);
  }

  #obey(command: Command): void {
    switch (command.kind) {
      case 'macro':
        return this.#session.macros.take(command.data);
      case 'abort':
        return this.#abandonMessage();
      case 'quit':
        return this.#quit();
      default:
        return this.#isExpected(command)
          ? this.#step(command)
          : this.break(`${command.kind} is not expected here`);
    }
  }

  #isExpected({ kind }: Step): boolean {
    if (kind === 'negotiate') return !this.#isNegotiated;
    if (!this.#isNegotiated) return false;
    if (kind === 'restart' || kind === 'content') return true;
    if (kind === 'connect') return !this.#isConnected;
    if (kind === 'helo' || kind === 'mail') return this.#isConnected;
    return this.#message !== undefined;
  }

  #step(command: Step): void {
    switch (command.kind) {
      case 'negotiate':
        return this.#negotiate(command.offer);
      case 'restart':
        return this.#restart();
      case 'connect':
        return this.#connect(command);
      case 'helo':
        return this.#helo(command);
      case 'mail':
        return this.#mail(command);
      case 'rcpt':
        return this.#rcpt(command);
      case 'data':
        return this.#data(command);
      case 'content':
        return this.#say(ANSWER.continue);
      case 'end-of-message':
        return this.#conclude(command);
    }
  }

  #negotiate(offer: Extract<Command, { kind: 'negotiate' }>['offer']): void {
    const handler = this.#handler;
    const stages = new Set(STAGES.filter((stage) => handler[stage] !== undefined));
    const result = negotiate(offer, { actions: handler.actions ?? [], stages });
    if (result === undefined) return this.break(`protocol version ${offer.version}`);
    this.#isNegotiated = true;
    this.#session.actions = result.actions;
    this.#silent = result.silent;
    const { version, actions } = result;
    const offered = nameBits(PROTOCOL, offer.protocol);
    this.#options.log.debug({ version, actions: [...actions], offered }, 'milter: negotiated');
    this.#say(encodeFrame('O', result.answer));
  }

  /** QUIT_NC: another SMTP session follows on this connection. */
  #restart(): void {
    this.#abandonMessage();
    this.#session.abort();
    this.#tell(() => this.#handler.close?.(this.#session));
    const { actions } = this.#session;
    this.#session = new Session(this.#options.number);
    this.#session.actions = actions;
    this.#isConnected = false;
    this.#isUncertain = false;
    this.#handler = this.#options.handler();
  }

  #quit(): void {
    this.#flush();
    this.close();
    this.#options.end();
  }

  #connect(command: Extract<Command, { kind: 'connect' }>): void {
    this.#session.client = command.client;
    this.#isConnected = true;
    const session = this.#session;
    this.#ask(command, () => this.#handler.connect?.(session), this.#answerConnect);
  }

  #helo(command: Extract<Command, { kind: 'helo' }>): void {
    this.#session.helo = command.name;
    const session = this.#session;
    this.#ask(command, () => this.#handler.helo?.(session), this.#answerSession);
  }

  /** What a failure leaves open is decided at MAIL: here, a refusal would be about the whole session. */
  readonly #answerSession = (verdict: Verdict): void => {
    if (verdict === FAILED) this.#isUncertain = true;
    this.#answer(verdict === FAILED ? CONTINUE : verdict);
  };

  /** A handler that came by a reload, and has this stage, is not heard before the next one. */
  readonly #answerConnect = (verdict: Verdict): void => {
    if (!this.#silent.has('connect')) this.#answerSession(verdict);
    else if (verdict.kind === 'refuse') this.#isUncertain = true;
  };

  #mail(command: Extract<Command, { kind: 'mail' }>): void {
    this.#abandonMessage('M');
    this.#handler = this.#options.handler();
    this.#options.counters.messages++;
    const message = new Message(this.#session, command.sender);
    if (this.#isUncertain && !this.#silent.has('mail')) return this.#answer(FAILED);
    this.#message = message;
    const question = () => (this.#isUncertain ? FAILED : this.#handler.mail?.(message));
    this.#ask(command, question, (verdict) => this.#answerMail(verdict));
  }

  #answerMail(verdict: Verdict): void {
    if (this.#silent.has('mail')) {
      this.#settled = verdict.kind === 'continue' ? undefined : verdict;
      return;
    }
    if (verdict.kind !== 'continue') this.#forgetMessage();
    this.#answer(verdict);
  }

  #rcpt(command: Extract<Command, { kind: 'rcpt' }>): void {
    const message = this.#message as Message;
    const { recipient } = command;
    this.#options.counters.recipients++;
    this.#ask(
      command,
      () => this.#settled ?? (message.isFull ? NO_ROOM : this.#handler.rcpt?.(recipient, message)),
      (verdict) => this.#answerRecipient(verdict, recipient, message),
    );
  }

  #answerRecipient(verdict: Verdict, recipient: EnvelopeAddress, message: Message): void {
    // Postfix tells the queue ID with a recipient, and not again before DATA.
    message.noteQueueId();
    this.#session.macros.endRecipient();
    if (verdict.kind === 'continue' && this.#needsRecipients) message.add(recipient);
    if (verdict.kind === 'accept') this.#forgetMessage();
    this.#answer(verdict);
  }

  /** Thousands of recipients that nobody looks at again would keep the collector busy. */
  get #needsRecipients(): boolean {
    const { data, endOfMessage } = this.#handler;
    return data !== undefined || endOfMessage !== undefined;
  }

  /** After a refusal the transaction goes on, in both mail servers. */
  #data(command: Command): void {
    const message = this.#message as Message;
    this.#session.macros.endRecipient();
    this.#ask(
      command,
      () => this.#settled ?? this.#handler.data?.(message),
      (given) => {
        // Nobody wants the end of the message: the mail server need not ask again.
        const isSeen = given.kind === 'continue' && this.#handler.endOfMessage === undefined;
        const verdict = isSeen ? ACCEPT : given;
        if (verdict.kind === 'accept') this.#forgetMessage();
        this.#answer(verdict);
      },
    );
  }

  #conclude(command: Command): void {
    const message = this.#message as Message;
    const failed: Conclusion = { verdict: FAILED, changes: [] };
    const nothing: Conclusion = { verdict: CONTINUE, changes: [] };
    this.#run<Conclusion>(
      command,
      () => this.#handler.endOfMessage?.(message) ?? nothing,
      failed,
      (conclusion) => {
        const bytes = this.#encodeConclusion(conclusion, message);
        this.#forgetMessage();
        this.#say(bytes);
      },
    );
  }

  /** Changes and verdict. What cannot be done as it was meant is a temporary failure, never a message that is lost. */
  #encodeConclusion({ verdict, changes }: Conclusion, message: Message): string {
    if (verdict.kind === 'refuse') return this.#encodeVerdict(verdict);
    const { actions } = this.#session;
    try {
      const why = findForbidden(changes, actions) ?? findLoss(changes, message);
      if (why !== undefined) throw new Error(why);
      const bytes = encodeChanges(changes, actions);
      if (bytes !== '') this.#options.counters.changed++;
      return bytes + ANSWER.continue;
    } catch (error) {
      this.#noteFailure(error);
      return this.#encodeVerdict(FAILED);
    }
  }

  #ask(
    command: Command,
    question: () => Verdict | Promise<Verdict> | undefined,
    answer: (verdict: Verdict) => void,
  ): void {
    this.#run<Verdict>(command, () => question() ?? CONTINUE, FAILED, answer);
  }

  /**
   * Runs a handler; `done` gets its result, or `failed` if it throws, rejects or does not answer within its budget, unless
   * nobody waits for it any more.
   */
  #run<T>(
    command: Command,
    work: () => T | Promise<T>,
    failed: T,
    done: (result: T) => void,
  ): void {
    let result: T | Promise<T>;
    try {
      result = work();
    } catch (error) {
      this.#noteFailure(error);
      result = failed;
    }
    if (!(result instanceof Promise)) return done(result);
    const busy = { command, isCancelled: false };
    this.#busy = busy;
    const finish = (value: T) => {
      clearTimeout(timer);
      if (busy.isCancelled) return;
      busy.isCancelled = true;
      this.#busy = undefined;
      done(value);
      this.#work();
    };
    const fail = (error: unknown) => {
      if (!busy.isCancelled) this.#noteFailure(error);
      finish(failed);
    };
    const { budget = BUDGET } = this.#handler;
    const late = () => fail(new Error(`no answer within ${budget / SECOND} s`));
    const timer = setTimeout(late, budget).unref();
    result.then(finish, fail);
  }

  #noteFailure(error: unknown): void {
    this.#options.counters.failures++;
    const { number } = this.#session;
    const { queueId } = this.#message ?? {};
    this.#options.log.error(
      { error: getMessage(error), handler: this.#handler.name, session: number, queueId },
      'milter: a handler failed, the message is refused for now',
    );
  }

  /** For what returns nothing. */
  #tell(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  #answer(verdict: Verdict): void {
    this.#say(this.#encodeVerdict(verdict));
  }

  #encodeVerdict(verdict: Verdict): string {
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
    const { counters } = this.#options;
    if (code < 500) counters.deferred++;
    else counters.rejected++;
  }

  #say(bytes: string): void {
    this.#output += bytes;
  }

  /** The message is over: answered at its end, refused at MAIL, or of no more interest. */
  #forgetMessage(keep?: 'M'): void {
    this.#message = undefined;
    this.#settled = undefined;
    this.#session.macros.endMessage(keep);
  }

  /** The message ends without an answer of ours. */
  #abandonMessage(keep?: 'M'): void {
    const message = this.#message;
    this.#forgetMessage(keep);
    if (message === undefined) return;
    message.abort();
    this.#tell(() => this.#handler.abort?.(message));
  }

  /** The peer broke the protocol: ends the connection. */
  break(why: string): void {
    if (this.#isEnded) return;
    this.#options.counters.broken++;
    this.#flush();
    this.close();
    this.#options.end(why);
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
