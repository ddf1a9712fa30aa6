/**
 * Several handlers as one. They are asked in their order; the first refusal wins and the later ones are not asked. A
 * handler that has accepted a message (or session) sees no more of it, the others do: the mail server is told `accept`
 * when none is left.
 */
import type {
  Conclusion,
  EnvelopeAddress,
  MilterHandler,
  MilterMessage,
  MilterSession,
} from './handler.ts';
import { BUDGET } from './handler.ts';
import { ACCEPT, CONTINUE, type Verdict } from './verdict.ts';

type Answer<T> = T | Promise<T>;
/** What a handler accepts at a stage: this object and what belongs to it. */
type Scope = MilterSession | MilterMessage;

export function chain(handlers: readonly MilterHandler[]): MilterHandler {
  const [only] = handlers;
  return only !== undefined && handlers.length === 1 ? only : new Chain(handlers);
}

class Chain implements MilterHandler {
  readonly name: string;
  readonly actions: readonly NonNullable<MilterHandler['actions']>[number][];
  readonly budget: number;
  /** Absent stages save the mail server a question: these are there only if a handler has them. */
  readonly connect?: NonNullable<MilterHandler['connect']>;
  readonly helo?: NonNullable<MilterHandler['helo']>;
  readonly mail?: NonNullable<MilterHandler['mail']>;
  readonly endOfMessage?: NonNullable<MilterHandler['endOfMessage']>;
  readonly #handlers: readonly MilterHandler[];
  /** who has had enough of a message or session */
  readonly #done = new WeakMap<Scope, Set<MilterHandler>>();

  constructor(handlers: readonly MilterHandler[]) {
    this.#handlers = handlers;
    this.name = handlers.map(({ name }) => name).join(', ') || 'none';
    this.actions = [...new Set(handlers.flatMap(({ actions = [] }) => actions))];
    this.budget = Math.max(BUDGET, ...handlers.map(({ budget = BUDGET }) => budget));
    const has = (stage: keyof MilterHandler) => handlers.some((one) => one[stage] !== undefined);
    if (has('connect')) this.connect = (session) => this.#askSession(session, 'connect');
    if (has('helo')) this.helo = (session) => this.#askSession(session, 'helo');
    if (has('mail'))
      this.mail = (message) =>
        this.#ask(message, message.session, (handler) => handler.mail?.(message));
    if (has('endOfMessage')) this.endOfMessage = (message) => this.#conclude(message);
  }

  #askSession(session: MilterSession, stage: 'connect' | 'helo'): Answer<Verdict> {
    return this.#ask(session, session, (handler) => handler[stage]?.(session));
  }

  rcpt(recipient: EnvelopeAddress, message: MilterMessage): Answer<Verdict> {
    return this.#ask(message, message.session, (handler) => handler.rcpt?.(recipient, message));
  }

  /** Those that do not want the end of the message have seen all of it. */
  data(message: MilterMessage): Answer<Verdict> {
    return this.#ask(message, message.session, (handler) => {
      const answer = handler.data?.(message) ?? CONTINUE;
      if (handler.endOfMessage !== undefined) return answer;
      return answer instanceof Promise ? answer.then(acceptedAtData) : acceptedAtData(answer);
    });
  }

  async #conclude(message: MilterMessage): Promise<Conclusion> {
    const changes: Conclusion['changes'][number][] = [];
    for (const handler of this.#listOpen(message, message.session)) {
      const conclusion = await handler.endOfMessage?.(message);
      if (conclusion?.verdict.kind === 'refuse')
        return { verdict: conclusion.verdict, changes: [] };
      changes.push(...(conclusion?.changes ?? []));
    }
    return { verdict: CONTINUE, changes };
  }

  abort(message: MilterMessage): void {
    for (const handler of this.#listOpen(message, message.session)) handler.abort?.(message);
  }

  close(session: MilterSession): void {
    for (const handler of this.#handlers) handler.close?.(session);
  }

  /** Asks one after the other, without a promise while none of them gives one. */
  #ask(
    scope: Scope,
    session: MilterSession,
    question: (handler: MilterHandler) => Answer<Verdict> | undefined,
  ): Answer<Verdict> {
    const open = this.#listOpen(scope, session);
    const askFrom = (first: number): Answer<Verdict> => {
      for (let at = first; at < open.length; at++) {
        const handler = open[at] as MilterHandler;
        const answer = question(handler) ?? CONTINUE;
        if (answer instanceof Promise)
          return answer.then((verdict) =>
            this.#note(scope, handler, verdict) ? verdict : askFrom(at + 1),
          );
        if (this.#note(scope, handler, answer)) return answer;
      }
      return this.#listOpen(scope, session).length === 0 && this.#handlers.length > 0
        ? ACCEPT
        : CONTINUE;
    };
    return askFrom(0);
  }

  /** Whether the verdict is final for all. */
  #note(scope: Scope, handler: MilterHandler, verdict: Verdict): boolean {
    if (verdict.kind === 'accept') {
      const done = this.#done.get(scope) ?? new Set();
      this.#done.set(scope, done.add(handler));
    }
    return verdict.kind === 'refuse';
  }

  #listOpen(scope: Scope, session: MilterSession): readonly MilterHandler[] {
    const ofScope = this.#done.get(scope);
    const ofSession = this.#done.get(session);
    if (ofScope === undefined && ofSession === undefined) return this.#handlers;
    return this.#handlers.filter((one) => !ofScope?.has(one) && !ofSession?.has(one));
  }
}

function acceptedAtData(verdict: Verdict): Verdict {
  return verdict.kind === 'continue' ? ACCEPT : verdict;
}
