/**
 * The stages of the SMTP dialogue: which command may come now, the session and the message that it changes, and which
 * handler is asked.
 */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EnvelopeAddress } from './address.ts';
import { ANSWER, Answers } from './answers.ts';
import type { Command } from './command.ts';
import type { MilterCounters } from './counters.ts';
import { encodeFrame } from './frame.ts';
import { BUDGET, type Conclusion, type MilterHandler } from './handler.ts';
import { Message, Session } from './message.ts';
import { nameBits, negotiate, PROTOCOL, type SilentStage } from './negotiation.ts';
import { Turn } from './turn.ts';
import { ACCEPT, CONTINUE, FAILED, tempfail, type Verdict } from './verdict.ts';

export interface StagesOptions {
  readonly number: number;
  /** the handler for the next message: another one after a reload */
  readonly handler: () => MilterHandler;
  readonly counters: MilterCounters;
  readonly log: Log;
  /** Takes bytes of a reply. */
  readonly say: (bytes: string) => void;
  /** Ends the connection, because the mail server broke the protocol. */
  readonly break: (why: string) => void;
  /** A handler has answered after a while: the next command can be obeyed. */
  readonly resume: () => void;
}

const NO_ROOM = tempfail('4.5.3', 'Too many recipients', 452);

/** Of those that a handler may lack, the ones that matter for the negotiation. */
const STAGES = ['connect', 'helo', 'mail'] as const;

/** A command that belongs to one stage. */
export type Step = Exclude<Command, { kind: 'macro' | 'abort' | 'quit' }>;

export class Stages {
  readonly #options: StagesOptions;
  readonly #turn: Turn;
  readonly #answers: Answers;
  #session: Session;
  #handler: MilterHandler;
  #message: Message | undefined;
  /** commands that get no reply */
  #silent: ReadonlySet<SilentStage> = new Set();
  /** what a handler said to MAIL when there was no reply to it: the recipients hear it */
  #settled: Verdict | undefined;
  #isNegotiated = false;
  #isConnected = false;
  /** a handler failed at CONNECT or HELO, and may not know what it needs */
  #isUncertain = false;

  constructor(options: StagesOptions) {
    this.#options = options;
    this.#session = new Session(options.number);
    this.#handler = options.handler();
    const noteFailure = (error: unknown) => this.#noteFailure(error);
    this.#turn = new Turn({ noteFailure, resume: options.resume });
    this.#answers = new Answers(options.counters, noteFailure);
  }

  get busy(): Command | undefined {
    return this.#turn.command;
  }

  takeMacros(data: string): void {
    this.#session.macros.take(data);
  }

  /** Cancels what a handler does for the message, or for the whole session. */
  interrupt(what: 'message' | 'session'): void {
    this.#message?.abort();
    if (what === 'session') this.#session.abort();
    this.#turn.cancel();
  }

  /** The session has ended. */
  close(): void {
    this.#turn.cancel();
    this.abandonMessage();
    this.#session.abort();
    this.#tell(() => this.#handler.close?.(this.#session));
  }

  isExpected({ kind }: Step): boolean {
    if (kind === 'negotiate') return !this.#isNegotiated;
    if (!this.#isNegotiated) return false;
    if (kind === 'restart' || kind === 'content') return true;
    if (kind === 'connect') return !this.#isConnected;
    if (kind === 'helo' || kind === 'mail') return this.#isConnected;
    return this.#message !== undefined;
  }

  /** Obeys a command that is expected. */
  step(command: Step): void {
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
        return this.#options.say(ANSWER.continue);
      case 'end-of-message':
        return this.#conclude(command);
    }
  }

  #negotiate(offer: Extract<Command, { kind: 'negotiate' }>['offer']): void {
    const handler = this.#handler;
    const stages = new Set(STAGES.filter((stage) => handler[stage] !== undefined));
    const result = negotiate(offer, { actions: handler.actions ?? [], stages });
    if (result === undefined) return this.#options.break(`protocol version ${offer.version}`);
    this.#isNegotiated = true;
    this.#session.actions = result.actions;
    this.#silent = result.silent;
    const { version, actions } = result;
    const offered = nameBits(PROTOCOL, offer.protocol);
    this.#options.log.debug({ version, actions: [...actions], offered }, 'milter: negotiated');
    this.#options.say(encodeFrame('O', result.answer));
  }

  /** QUIT_NC: another SMTP session follows on this connection. */
  #restart(): void {
    this.close();
    const { actions } = this.#session;
    this.#session = new Session(this.#options.number);
    this.#session.actions = actions;
    this.#isConnected = false;
    this.#isUncertain = false;
    this.#handler = this.#options.handler();
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
    this.abandonMessage('M');
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
    const nothing: Conclusion = { verdict: CONTINUE, changes: [] };
    const { budget = BUDGET } = this.#handler;
    this.#turn.run<Conclusion>({
      command,
      budget,
      ask: () => this.#handler.endOfMessage?.(message) ?? nothing,
      failed: { verdict: FAILED, changes: [] },
      done: (conclusion) => {
        const bytes = this.#answers.encodeConclusion(conclusion, message);
        this.#forgetMessage();
        this.#options.say(bytes);
      },
    });
  }

  #ask(
    command: Command,
    question: () => Verdict | Promise<Verdict> | undefined,
    done: (verdict: Verdict) => void,
  ): void {
    const ask = () => question() ?? CONTINUE;
    const { budget = BUDGET } = this.#handler;
    this.#turn.run<Verdict>({ command, budget, ask, failed: FAILED, done });
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
    this.#options.say(this.#answers.encodeVerdict(verdict));
  }

  /** The message is over: answered at its end, refused at MAIL, or of no more interest. */
  #forgetMessage(keep?: 'M'): void {
    this.#message = undefined;
    this.#settled = undefined;
    this.#session.macros.endMessage(keep);
  }

  /** The message ends without an answer of ours. */
  abandonMessage(keep?: 'M'): void {
    const message = this.#message;
    this.#forgetMessage(keep);
    if (message === undefined) return;
    message.abort();
    this.#tell(() => this.#handler.abort?.(message));
  }
}
