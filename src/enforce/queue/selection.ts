/**
 * Which messages of the queue are meant: named ones, and those of a submitter or sender. What a queue file says about
 * its submitter counts; where it says nothing, or only which content filter handed the mail back, the log does.
 */
import { networkSet, parseNetwork } from '../../model/address.ts';
import type { Submitter } from '../../model/event.ts';
import type { FindPerson } from '../../model/identity.ts';
import type { QueuedMessage } from './message.ts';

/**
 * Whose mail is meant. A user is named in the one form of all spellings; a client may be a network, in CIDR form.
 */
export type MailOwner =
  | Submitter
  | { readonly type: 'sender'; readonly id: string; readonly at?: Submitter | undefined };

/** What the log said about a message. */
export interface KnownMessage {
  readonly queueId: string;
  readonly submitter: Submitter;
  readonly sender?: string | undefined;
}

/** How people are recognized. */
export interface OwnerOptions {
  /** the one form of all spellings of a login; default: in lower case */
  readonly canonical?: ((login: string) => string) | undefined;
  /** who had an address at a time; default: nobody knows */
  readonly findPerson?: FindPerson | undefined;
}

interface SelectionOptions extends OwnerOptions {
  readonly ids?: readonly string[];
  /** every message is meant */
  readonly isAll?: boolean;
  readonly owners?: readonly MailOwner[];
  readonly known?: readonly KnownMessage[];
  /** recipients are not wanted: a whole queue of them takes much memory */
  readonly isBrief?: boolean;
}

type OwnerTest = (message: QueuedMessage, submitter: Submitter | undefined) => boolean;

export class Selection {
  /** whether a local account is meant, which is harder to find out in a queue file */
  readonly hasLocal: boolean;
  readonly isBrief: boolean;
  readonly #isAll: boolean;
  readonly #ids: ReadonlySet<string>;
  readonly #known: ReadonlyMap<string, KnownMessage>;
  /** tests that need no submitter, and the others */
  readonly #bySender: readonly OwnerTest[];
  readonly #bySubmitter: readonly OwnerTest[];

  constructor({
    ids = [],
    owners = [],
    known = [],
    isBrief = false,
    isAll = false,
    ...options
  }: SelectionOptions) {
    this.isBrief = isBrief;
    this.#isAll = isAll;
    this.#ids = new Set(ids);
    this.#known = new Map(known.map((each) => [each.queueId, each]));
    const isPlain = (owner: MailOwner) => owner.type === 'sender' && owner.at === undefined;
    this.#bySender = owners.filter(isPlain).map((owner) => buildTest(owner, options));
    const others = owners.filter((owner) => !isPlain(owner));
    this.#bySubmitter = others.map((owner) => buildTest(owner, options));
    this.hasLocal = others.some(
      (owner) => owner.type === 'uid' || (owner.type === 'sender' && owner.at?.type === 'uid'),
    );
  }

  /**
   * Whether the message is meant. Undefined: only its submitter can tell, which the listing does not have and the log
   * does not know.
   */
  find(message: QueuedMessage): boolean | undefined {
    if (this.#isAll || this.#ids.has(message.queueId)) return true;
    if (this.#bySender.some((test) => test(message, undefined))) return true;
    if (this.#bySubmitter.length === 0) return false;
    const submitter = this.#findSubmitter(message);
    return submitter === undefined ? undefined : this.#isOf(message, submitter);
  }

  /** The same for a message of which nothing more can be learnt. */
  has(message: QueuedMessage): boolean {
    return this.find(message) ?? false;
  }

  #isOf(message: QueuedMessage, submitter: Submitter): boolean {
    // A bounce has no submitter, whichever host or account handed it in; a user who logged in is one.
    if (message.sender === '' && submitter.type !== 'user') return false;
    return this.#bySubmitter.some((test) => test(message, submitter));
  }

  #findSubmitter(message: QueuedMessage): Submitter | undefined {
    if (message.submitter?.type === 'user') return message.submitter;
    const known = this.#known.get(message.queueId);
    const isSame = known !== undefined && isSameMessage(known, message);
    return isSame ? known.submitter : message.submitter;
  }
}

/** Queue IDs are used again, so that the log may mean an earlier message. */
function isSameMessage({ sender }: KnownMessage, message: QueuedMessage): boolean {
  return sender === undefined || plain(sender) === plain(message.sender);
}

/** Without the quotes, which one program writes and another does not. */
function plain(address: string): string {
  return address.replace(/["\\]/g, '').toLowerCase();
}

function buildTest(owner: MailOwner, options: OwnerOptions): OwnerTest {
  if (owner.type === 'user') return buildUserTest(owner.id, options);
  if (owner.type === 'client') {
    const networks = networkSet(parseNetwork(owner.id) === undefined ? [] : [owner.id]);
    return (_message, by) => by?.type === 'client' && networks.has(by.id);
  }
  if (owner.type === 'sender') {
    const atGateway = owner.at === undefined ? () => true : buildTest(owner.at, options);
    const sender = plain(owner.id);
    return (message, by) => plain(message.sender) === sender && atGateway(message, by);
  }
  return ({ uid }, by) => by?.type === 'uid' && (by.id === owner.id || uid === owner.id);
}

function buildUserTest(
  person: string,
  { canonical = (login) => login.toLowerCase(), findPerson }: OwnerOptions,
): OwnerTest {
  return ({ time }, by) => {
    if (by?.type === 'user') return canonical(by.id) === person;
    return by?.type === 'client' && findPerson?.(by.id, time) === person;
  };
}
