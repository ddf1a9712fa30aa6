/**
 * The job of recipient verification: each recipient of a protected domain is looked up before it is accepted. Clients that
 * try many invalid ones are refused unseen for a while.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../../base/log.ts';
import { counted } from '../../../base/text.ts';
import { formatTime, MINUTE, SECOND } from '../../../base/time.ts';
import type { RecipientsConfig } from '../../../config/milter-recipients.ts';
import {
  CONTINUE,
  type EnvelopeAddress,
  type MilterHandler,
  type MilterMessage,
  type MilterSession,
  type Verdict as MilterVerdict,
} from '../../../milter/handler.ts';
import { chooseAnswer, type Refusal, refuseAttack } from '../../../recipients/answer.ts';
import { AttackCounter, type ConnectionTally, openTally } from '../../../recipients/attack.ts';
import { Figures } from '../../../recipients/figures.ts';
import type { RecipientOptions } from '../../../recipients/options.ts';
import type { RecipientContext, Verdict } from '../../../recipients/verdict.ts';
import { Verifier } from '../../../recipients/verifier.ts';
import { type OpenAnswers, openAnswers } from '../../recipients.ts';
import type { JobContext, MilterJob } from '../job.ts';
import { plainForms } from '../plain-forms.ts';

/** What counts for a configuration: with the same, a reload changes nothing. */
interface Basis {
  readonly recipients: RecipientsConfig;
  /** domains whose recipients may be signed */
  readonly signing: readonly string[];
}

/** Undefined without `milter.recipients`. Throws a PosternError if its database cannot be used. */
export function buildRecipientsJob(context: JobContext): MilterJob | undefined {
  const { recipients, returnPath } = context.config;
  if (recipients === undefined) return undefined;
  const basis = { recipients, signing: returnPath?.domains ?? [] };
  const before = context.before.find((job) => job instanceof RecipientsJob);
  return before?.fits(basis) ? before : new RecipientsJob(basis, context);
}

class RecipientsJob implements MilterJob {
  readonly handler: RecipientsHandler;
  readonly #basis: Basis;
  readonly #answers: { readonly value: OpenAnswers; release(): void };
  readonly #verifier: Verifier;

  /** Uses the open database, and the memory in front of it, of the job before. */
  constructor(basis: Basis, { clock, log, shared }: JobContext) {
    const { recipients, signing } = basis;
    const { options, database } = recipients;
    this.#basis = basis;
    this.#answers = shared.take(database, () => {
      const value = openAnswers(recipients, { clock, log });
      return { value, close: () => value.close() };
    });
    const { store, cache } = this.#answers.value;
    store.limit(options.cache.most);
    cache.configure(options.cache);
    const { counters, figures, attack } = shared.keep('recipients', () => ({
      counters: { refused: 0, 'refused for now': 0, 'refused in an attack': 0 },
      figures: new Figures(),
      attack: new AttackCounter(options.attack, clock),
    }));
    attack.configure(options.attack);
    this.#verifier = new Verifier(options, { clock, log, store, cache, figures });
    const toPlain = plainForms({ domains: signing });
    this.handler = new RecipientsHandler(this.#verifier, {
      options,
      counters,
      attack,
      toPlain,
      log,
    });
  }

  fits(basis: Basis): boolean {
    return isDeepStrictEqual(basis, this.#basis);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.handler.counters, ...this.#verifier.figures.list() };
  }

  problems(): string[] {
    const { failure } = this.#answers.value.cache;
    return [
      ...this.#verifier
        .troubles()
        .map(
          ({ server, since, failures }) =>
            `back end ${server} does not answer since ${formatTime(since)}: ${counted(failures, 'failure')} in a row`,
        ),
      ...this.#verifier
        .acceptingAll()
        .map(
          (domain) =>
            `the back end of ${domain} accepts every recipient: it is not asked for a day`,
        ),
      ...this.#verifier.fileProblems(),
      ...(failure === undefined ? [] : [`answers about recipients cannot be kept: ${failure}`]),
    ];
  }

  close(): void {
    this.#verifier.close();
    this.#answers.release();
  }
}

type Counters = Record<'refused' | 'refused for now' | 'refused in an attack', number>;

interface Parts {
  readonly options: RecipientOptions;
  readonly counters: Counters;
  readonly attack: AttackCounter;
  /** the address behind a signature */
  readonly toPlain: (recipient: EnvelopeAddress) => string;
  readonly log: Log;
}

/** What is remembered of a session. */
interface Memory extends ConnectionTally {
  readonly daemon: string | undefined;
  isReported: boolean;
}

/** Between the budget of a question and that of the milter, so that the question ends first, ms. */
const SLACK = SECOND / 2;

class RecipientsHandler implements MilterHandler {
  readonly name = 'recipients';
  readonly budget: number;
  readonly #verifier: Verifier;
  readonly #parts: Parts;
  readonly #sessions = new WeakMap<MilterSession, Memory>();
  #attackLogged = Number.NEGATIVE_INFINITY;

  constructor(verifier: Verifier, parts: Parts) {
    this.#verifier = verifier;
    this.#parts = parts;
    this.budget = parts.options.budget + SLACK;
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#parts.counters };
  }

  rcpt(recipient: EnvelopeAddress, message: MilterMessage): MilterVerdict | Promise<MilterVerdict> {
    const address = this.#parts.toPlain(recipient);
    const memory = this.#remember(message.session);
    const context = describe(message, memory);
    if (this.#isAttack(address, message, { memory, context })) return this.#refuseAttack(message);
    const verdict = this.#verifier.verify(address, context, () => message.signal);
    return verdict instanceof Promise
      ? verdict.then((later) => this.#answer(later, message, memory))
      : this.#answer(verdict, message, memory);
  }

  #remember(session: MilterSession): Memory {
    const known = this.#sessions.get(session);
    if (known !== undefined) return known;
    const memory: Memory = {
      ...openTally(session.client.address),
      daemon: session.daemonName,
      isReported: false,
    };
    this.#sessions.set(session, memory);
    return memory;
  }

  #answer(verdict: Verdict, message: MilterMessage, memory: Memory): MilterVerdict {
    if (verdict.kind === 'valid' || verdict.kind === 'invalid')
      this.#parts.attack.count(memory, verdict.kind === 'valid');
    // Postfix would keep the message of a local program, and try for ever.
    const refusal = message.isLocal ? undefined : chooseAnswer(verdict, this.#parts.options);
    if (refusal === undefined) return CONTINUE;
    this.#parts.counters[refusal.code === 550 ? 'refused' : 'refused for now']++;
    return toVerdict(refusal);
  }

  /** Clients that are never looked at are never in an attack. */
  #isAttack(
    address: string,
    { isLocal }: MilterMessage,
    { memory, context }: { readonly memory: Memory; readonly context: RecipientContext },
  ): boolean {
    const { attack, options } = this.#parts;
    if (isLocal || options.mode === 'observe') return false;
    return attack.isAttack(memory) && !this.#verifier.isSkipped(address, context);
  }

  #refuseAttack({ session }: MilterMessage): MilterVerdict {
    const memory = this.#remember(session);
    this.#parts.counters['refused in an attack']++;
    if (!memory.isReported) this.#report(session, memory);
    return toVerdict(refuseAttack(this.#parts.options));
  }

  /** At most one line a minute: an attack comes from many clients. */
  #report(session: MilterSession, memory: Memory): void {
    memory.isReported = true;
    const now = performance.now();
    if (now - this.#attackLogged < MINUTE) return;
    this.#attackLogged = now;
    const { invalid } = memory;
    const data = {
      client: session.client.address,
      invalid,
      attacks: this.#parts.counters['refused in an attack'],
    };
    this.#parts.log.warn(data, 'client tries many unknown recipients, and is refused for a while');
  }
}

function describe(
  { session, login, isLocal }: MilterMessage,
  { daemon }: Memory,
): RecipientContext {
  const { address } = session.client;
  const local = isLocal || address === undefined;
  return { client: address, daemon, authenticated: login !== undefined, local };
}

function toVerdict({ code, status, text }: Refusal): MilterVerdict {
  return { kind: 'refuse', code, status, text };
}
