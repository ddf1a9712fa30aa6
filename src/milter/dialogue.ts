/**
 * One connection of the mail server as a state machine: frames in, bytes out. One reply for each command that expects
 * one, in order. While a handler works, what arrives waits in a queue. If the mail server gives the message up meanwhile
 * (ABORT) or ends the connection, the handler's signal is aborted and its answer is not sent.
 * Knows no socket. A frame that is broken, or not expected here, ends the connection.
 */
import { type Command, parseCommand } from './command.ts';
import type { Frame } from './frame.ts';
import { Stages, type StagesOptions } from './stages.ts';

export interface DialogueOptions
  extends Pick<StagesOptions, 'number' | 'handler' | 'counters' | 'log'> {
  /** Takes bytes for the mail server, a byte string. */
  readonly send: (bytes: string) => void;
  /** Ends the connection; `why`: what was against the protocol. */
  readonly end: (why?: string) => void;
}

export class Dialogue {
  readonly #options: DialogueOptions;
  readonly #stages: Stages;
  readonly #queue: Command[] = [];
  /** replies to what is read now */
  #output = '';
  #isReading = false;
  #isEnded = false;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#stages = new Stages({
      ...options,
      say: (bytes) => {
        this.#output += bytes;
      },
      break: (why) => this.break(why),
      resume: () => this.#work(),
    });
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
      if (this.#stages.busy !== undefined) this.#noteInterruption(command);
      this.#queue.push(command);
    }
    this.#work();
  }

  /** The connection has ended. */
  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#queue.length = 0;
    this.#stages.close();
  }

  /** ABORT cancels what a handler does for the message, QUIT whatever it does. Nobody waits for the answers any more. */
  #noteInterruption({ kind }: Command): void {
    if (kind !== 'abort' && kind !== 'quit' && kind !== 'restart') return;
    const busy = this.#stages.busy;
    if (busy === undefined) return;
    const isOfMessage = !['connect', 'helo'].includes(busy.kind);
    if (kind === 'abort' && !isOfMessage) return;
    this.#queue.length = 0;
    this.#stages.interrupt(kind === 'abort' ? 'message' : 'session');
  }

  #work(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let at = 0; this.#stages.busy === undefined && !this.#isEnded; at++) {
      const command = this.#queue[at];
      if (command === undefined) {
        this.#queue.length = 0;
        break;
      }
      this.#obey(command);
      if (this.#stages.busy !== undefined) this.#queue.splice(0, at + 1);
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
        return this.#stages.takeMacros(command.data);
      case 'abort':
        return this.#stages.abandonMessage();
      case 'quit':
        return this.#quit();
      default:
        return this.#stages.isExpected(command)
          ? this.#stages.step(command)
          : this.break(`${command.kind} is not expected here`);
    }
  }

  #quit(): void {
    this.#flush();
    this.close();
    this.#options.end();
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
