/**
 * Whether a recipient exists, for a server that hands its mail on: skip rules, route, cache, then the back end, a map or
 * a list. Decides within the budget; a question that takes longer is finished in the background, for the cache.
 */
import { Resolver } from 'node:dns/promises';
import type { Log } from '../base/log.ts';
import { counted } from '../base/text.ts';
import { type Clock, MINUTE } from '../base/time.ts';
import { WatchedFile } from '../base/watched-file.ts';
import { AcceptsAll } from './accepts-all.ts';
import { parseRecipient, type Recipient } from './address.ts';
import { type AddressList, parseAddressList } from './address-list.ts';
import { AnswerCache, type AnswerStore } from './cache.ts';
import { Callouts } from './callouts.ts';
import { Figures } from './figures.ts';
import type { MxResolver } from './hosts.ts';
import type { RecipientOptions, Source } from './options.ts';
import { PostfixMap } from './postfix-map.ts';
import { type Route, Routes } from './routes.ts';
import { SkipRules } from './skip.ts';
import type { ServerTrouble } from './trouble.ts';
import {
  type Answer,
  type RecipientContext,
  type Unknown,
  unknown,
  type Verdict,
} from './verdict.ts';

export interface VerifierParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: AnswerStore;
  /** the memory in front of `store`, if others use it, too: then it is not closed here */
  readonly cache?: AnswerCache;
  /** what has been counted before, if it goes on */
  readonly figures?: Figures;
  /** finds mail exchangers; default: the DNS servers of the system */
  readonly resolver?: MxResolver;
}

/** DNS within the budget: two attempts of 1.5 s. */
const DNS = { timeout: 1500, tries: 2 };

type Protected = Route & { readonly source: Source };

export class Verifier {
  readonly #options: RecipientOptions;
  readonly #parts: VerifierParts;
  readonly #skip: SkipRules;
  readonly #routes: Routes;
  readonly #cache: AnswerCache;
  readonly #callouts: Callouts;
  readonly #acceptsAll: AcceptsAll;
  readonly #figures: Figures;
  readonly #maps = new Map<string, PostfixMap>();
  readonly #lists = new Map<string, WatchedFile<AddressList>>();
  /** questions that are being asked, by address */
  readonly #open = new Map<string, Promise<Answer>>();
  #undecidedLogged = Number.NEGATIVE_INFINITY;

  constructor(options: RecipientOptions, parts: VerifierParts) {
    this.#options = options;
    this.#parts = parts;
    this.#skip = new SkipRules(options.skip);
    this.#routes = new Routes(options, parts);
    this.#cache = parts.cache ?? new AnswerCache(options.cache, parts.store, parts);
    const { clock, log, resolver = new Resolver(DNS) } = parts;
    this.#callouts = new Callouts(options.callout, { clock, log, resolver });
    this.#acceptsAll = new AcceptsAll(parts);
    this.#figures = parts.figures ?? new Figures();
  }

  /**
   * The verdict on a recipient as RCPT names it, at once if nobody has to be asked. Takes as long as the budget at most, and
   * ends with `unknown` as soon as the signal is aborted that `getSignal` gives. Never rejects.
   */
  verify(
    argument: string,
    context: RecipientContext,
    getSignal?: () => AbortSignal,
  ): Verdict | Promise<Verdict> {
    const verdict = this.#decide(argument, context);
    if (verdict === undefined) return this.#askAndCount(argument, getSignal?.());
    this.#figures.count(verdict);
    return verdict;
  }

  async #askAndCount(argument: string, signal: AbortSignal | undefined): Promise<Verdict> {
    const verdict = await this.#ask(argument, signal);
    this.#figures.count(verdict);
    return verdict;
  }

  /** Whether nobody looks at this recipient, because of a skip rule. */
  isSkipped(argument: string, context: RecipientContext): boolean {
    const recipient = parseRecipient(argument);
    return recipient !== undefined && this.#skip.find(recipient, context) !== undefined;
  }

  /** What has been counted since the start. */
  get figures(): Figures {
    return this.#figures;
  }

  /** Servers that do not answer now. */
  troubles(): ServerTrouble[] {
    return this.#callouts.troubles();
  }

  /** Domains whose back end accepts everything. */
  acceptingAll(): string[] {
    return this.#acceptsAll.list();
  }

  /** What is wrong with the files that say who is protected, and who exists: one line each. */
  fileProblems(): string[] {
    return [...this.#routes.tables, ...this.#lists.values()].flatMap(
      ({ file, failure, problems }) => [
        ...(failure === undefined ? [] : [`${file} cannot be read: ${failure}`]),
        ...(problems.length === 0
          ? []
          : [`${file}: ${counted(problems.length, 'line')} passed over`]),
      ],
    );
  }

  /** Ends connections that wait, and writes what the cache has not written yet. Then the database can be closed. */
  close(): void {
    this.#callouts.close();
    if (this.#parts.cache === undefined) this.#cache.close();
  }

  /** What can be decided at once; undefined if somebody has to be asked. */
  #decide(argument: string, context: RecipientContext): Verdict | undefined {
    const recipient = parseRecipient(argument);
    if (recipient === undefined) return { kind: 'not-ours' };
    const skipped = this.#skip.find(recipient, context);
    if (skipped !== undefined) return { kind: 'skipped', why: skipped };
    const route = this.#routes.find(recipient.domain);
    if (route === undefined) return { kind: 'not-ours' };
    if (!hasSource(route)) return { kind: 'skipped', why: 'catch-all' };
    if (route.source.kind === 'list') return this.#lookInList(route.source.file, recipient);
    if (this.#acceptsAll.has(recipient.domain)) return { kind: 'skipped', why: 'accepts-all' };
    return this.#recall(recipient, route);
  }

  /** From the cache, while the answer counts. One that is about to expire is asked for again, in the background. */
  #recall(recipient: Recipient, route: Protected): Verdict | undefined {
    const known = this.#cache.find(recipient.address);
    if (known === undefined || known.freshness === 'expired') return undefined;
    if (known.freshness === 'refresh') void this.#question(recipient, route);
    return { kind: known.isValid ? 'valid' : 'invalid', from: 'cache' };
  }

  #lookInList(file: string, recipient: Recipient): Verdict {
    const list = this.#list(file);
    if (list.version === 0) {
      const failed = unknown('lookup', `${file}: ${list.failure ?? 'was not read'}`);
      return { ...failed, isBackup: false };
    }
    const isListed = list.value.has(recipient, this.#options.extension);
    return { kind: isListed ? 'valid' : 'invalid', from: 'list' };
  }

  async #ask(argument: string, signal: AbortSignal | undefined): Promise<Verdict> {
    const recipient = parseRecipient(argument) as Recipient;
    const route = this.#routes.find(recipient.domain) as Protected;
    const answer = await this.#wait(this.#question(recipient, route), signal);
    if (answer.kind !== 'unknown')
      return { kind: answer.kind, from: route.source.kind === 'map' ? 'map' : 'callout' };
    if (this.#cache.find(recipient.address)?.isValid === true)
      return { kind: 'valid', from: 'stale' };
    this.#logUndecided(recipient, answer);
    return { ...answer, isBackup: route.role === 'backup' };
  }

  /** The answer, or `unknown` when the budget is used up or nobody waits for it any more. */
  #wait(question: Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
    return new Promise((resolve) => {
      const finish = (answer: Answer) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        resolve(answer);
      };
      const leave = () => finish(unknown('RCPT', 'the client has left'));
      const late = unknown('RCPT', `no answer within ${this.#options.budget / 1000} s`);
      const timer = setTimeout(finish, this.#options.budget, late);
      void question.then(finish);
      if (signal?.aborted === true) leave();
      signal?.addEventListener('abort', leave);
    });
  }

  /** Asks the source, once for all who want to know at the same time, and keeps the answer. */
  #question(recipient: Recipient, route: Protected): Promise<Answer> {
    const { address } = recipient;
    const open = this.#open.get(address);
    if (open !== undefined) return open;
    const question = this.#askSource(recipient, route.source).finally(() =>
      this.#open.delete(address),
    );
    this.#open.set(address, question);
    void question.then((answer) => this.#keep(recipient, route.source, answer));
    return question;
  }

  #askSource(recipient: Recipient, source: Source): Promise<Answer> {
    if (source.kind === 'map') return this.#map(source.map).ask(recipient);
    if (source.kind === 'callout')
      return this.#callouts.ask(source.servers, recipient.address, this.#options.budget);
    throw new Error('lists are looked up at once');
  }

  /** A "valid" of a back end that accepts everything is not kept. */
  async #keep({ address, domain }: Recipient, source: Source, answer: Answer): Promise<void> {
    if (answer.kind === 'unknown') return;
    if (answer.kind === 'valid' && source.kind === 'callout') {
      const ask = (made: string) => this.#callouts.ask(source.servers, made, this.#options.budget);
      if (!(await this.#acceptsAll.isTrustworthy(domain, ask))) return;
    }
    this.#cache.put(address, answer.kind === 'valid');
  }

  /** Recipients that could not be decided, one line a minute; the servers themselves have lines of their own. */
  #logUndecided({ domain }: Recipient, { step, reason }: Unknown): void {
    const now = this.#parts.clock.now();
    if (now - this.#undecidedLogged < MINUTE) return;
    this.#undecidedLogged = now;
    this.#parts.log.warn({ domain, step, reason }, 'recipient could not be verified');
  }

  #map(map: string): PostfixMap {
    const known = this.#maps.get(map);
    if (known !== undefined) return known;
    const { postmap, extension, callout } = this.#options;
    const made = new PostfixMap({ postmap, map, extension, timeout: callout.replyTimeout });
    this.#maps.set(map, made);
    return made;
  }

  #list(file: string): WatchedFile<AddressList> {
    const known = this.#lists.get(file);
    if (known !== undefined) return known;
    const made = new WatchedFile(file, parseAddressList, this.#parts);
    this.#lists.set(file, made);
    return made;
  }
}

function hasSource(route: Route): route is Protected {
  return route.role !== 'catch-all' && route.source !== undefined;
}
