/** Sessions and messages as the handlers see them. The protocol (dialogue.ts) fills them in. */
import type { EnvelopeAddress } from './address.ts';
import type { MilterClient, MilterMessage, MilterSession } from './handler.ts';
import { Macros } from './macros.ts';
import type { ActionName } from './negotiation.ts';

const NOBODY: MilterClient = { address: undefined, name: '', port: 0 };

export class Session implements MilterSession {
  readonly number: number;
  readonly macros = new Macros();
  client = NOBODY;
  helo: string | undefined;
  actions: ReadonlySet<ActionName> = new Set();
  #controller: AbortController | undefined;
  #isOver = false;

  constructor(number: number) {
    this.number = number;
  }

  get daemonName(): string | undefined {
    return this.macros.get('daemon_name');
  }

  /** Made when it is asked for: most sessions need none. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  macro(name: string): string | undefined {
    return this.macros.get(name);
  }

  abort(): void {
    this.#isOver = true;
    this.#controller?.abort();
  }
}

/** More than any mail server lets through; memory is bounded by this. */
const MOST_RECIPIENTS = 100_000;
/** Bytes of all recipients. */
const LONGEST_RECIPIENTS = 16_777_216;

export class Message implements MilterMessage {
  readonly session: Session;
  readonly sender: EnvelopeAddress;
  readonly login: string | undefined;
  readonly isLocal: boolean;
  readonly recipients: EnvelopeAddress[] = [];
  #queueId: string | undefined;
  /** of all recipients */
  #bytes = 0;
  #controller: AbortController | undefined;
  #isOver = false;

  constructor(session: Session, sender: EnvelopeAddress) {
    this.session = session;
    this.sender = sender;
    this.login = session.macro('auth_authen');
    // Only the imitated session of Postfix's cleanup has no port and knows the queue ID at once.
    this.isLocal = session.client.port === 0 && session.macro('i') !== undefined;
  }

  get queueId(): string | undefined {
    return this.#queueId ?? this.session.macro('i');
  }

  /** Remembers it, before the macros that hold it go. */
  noteQueueId(): void {
    this.#queueId ??= this.session.macro('i');
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Whether another recipient fits into the memory of this message. */
  get isFull(): boolean {
    return this.recipients.length >= MOST_RECIPIENTS || this.#bytes > LONGEST_RECIPIENTS;
  }

  add(recipient: EnvelopeAddress): void {
    this.recipients.push(recipient);
    const { argument, parameters } = recipient;
    this.#bytes += argument.length;
    for (const parameter of parameters) this.#bytes += parameter.length;
  }

  abort(): void {
    this.#isOver = true;
    this.#controller?.abort();
  }
}
