/**
 * The running blocks in memory, as a mail server looks them up during a session. Knows no file and no database: it gets
 * the blocks after every change. Notices by itself when a block expires.
 */

import { canonicalIp, getNetworkOf, getPrefix, isNetwork } from '../model/address.ts';
import type { Block, BlockableType } from '../model/block.ts';
import type { FindPerson } from '../model/identity.ts';
import type { CanonicalLogin } from '../model/login.ts';
import type { PolicyRequest } from './request.ts';

/** An access(5) action for each kind of identity, `HOLD blocked by postern`; absent: such blocks have no effect. */
export type PolicyActions = Readonly<Partial<Record<'user' | 'client' | 'sender', string>>>;

/** "Try the next restriction": the answer for everybody who is not blocked, and in any case of doubt. */
export const DUNNO = 'DUNNO';

/** Commands in a mail transaction. Before MAIL the sender is not known, and Postfix does not hold a session. */
const ANSWERED_STATES = ['RCPT', 'DATA', 'END-OF-MESSAGE'];

export class Blocklist {
  readonly #actions: PolicyActions;
  readonly #canonicalLogin: CanonicalLogin | undefined;
  readonly #findPerson: FindPerson | undefined;
  /** by type and identity the end of the block, ms */
  #ends: Readonly<Record<BlockableType, Map<string, number>>> = makeEmptyEnds();
  /** the prefix lengths of the networks among the clients */
  #prefixes: ReadonlySet<number> = new Set();
  /** the same for senders that are shut out at one client only, by its address and the sender */
  #endsAt: ReadonlyMap<string, number> = new Map();

  /** `canonicalLogin` makes the one form of a person's logins; default: lower case. */
  constructor(actions: PolicyActions, canonicalLogin?: CanonicalLogin, findPerson?: FindPerson) {
    this.#findPerson = findPerson;
    this.#actions = actions;
    this.#canonicalLogin = canonicalLogin;
  }

  /** From now on exactly these blocks count. */
  replace(blocks: readonly Block[]): void {
    const ends = makeEmptyEnds();
    const endsAt = new Map<string, number>();
    for (const { key, at, end = Number.POSITIVE_INFINITY } of blocks) {
      if (at === undefined) ends[key.type].set(this.#normalise(key.type, key.id), end);
      else if (at.type === 'client') endsAt.set(this.#nameAt(at.id, key.id), end);
    }
    this.#ends = ends;
    this.#prefixes = new Set([...ends.client.keys()].filter(isNetwork).map(getPrefix));
    this.#endsAt = endsAt;
  }

  /** The action for this request at `now`, ms. An authenticated session is judged by its login, not by its address. */
  answer(request: PolicyRequest, now: number): string {
    const { state, user, client, sender } = request;
    if (!ANSWERED_STATES.includes(state)) return DUNNO;
    const actions = [
      user === '' ? undefined : this.#findAction('user', user, now),
      sender === '' ? undefined : this.#findAction('sender', sender, now),
      user === '' && client !== '' ? this.#findAction('client', client, now) : undefined,
      user === '' && client !== '' ? this.#findActionAt(client, sender, now) : undefined,
      user === '' && client !== '' ? this.#findPersonsAction(client, now) : undefined,
    ].filter((action) => action !== undefined);
    return actions.find((action) => !action.startsWith('HOLD')) ?? actions[0] ?? DUNNO;
  }

  /** The action for the person who has this address now. */
  #findPersonsAction(client: string, now: number): string | undefined {
    const person = this.#findPerson?.(canonicalIp(client) ?? client, now);
    return person === undefined ? undefined : this.#findAction('user', person, now);
  }

  /** The action for a sender that is shut out at this client. */
  #findActionAt(client: string, sender: string, now: number): string | undefined {
    if (this.#endsAt.size === 0 || sender.includes('\ufffd')) return undefined;
    const end = this.#endsAt.get(this.#nameAt(client, sender));
    return end !== undefined && end > now ? this.#actions.sender : undefined;
  }

  #findAction(type: 'user' | 'client' | 'sender', id: string, now: number): string | undefined {
    const ends = this.#ends[type];
    // Broken UTF-8 becomes the same text whatever the bytes were: it could be another identity.
    if (ends.size === 0 || id.includes('\ufffd')) return undefined;
    const name = this.#normalise(type, id);
    const names = type === 'client' ? [name, ...this.#listNetworks(name)] : [name];
    const isBlocked = names.some((each) => (ends.get(each) ?? Number.NEGATIVE_INFINITY) > now);
    return isBlocked ? this.#actions[type] : undefined;
  }

  /** The networks around an address that can be blocked. */
  #listNetworks(address: string): string[] {
    return [...this.#prefixes].flatMap((bits) => getNetworkOf(address, bits) ?? []);
  }

  /** As keys of events are written: logins in their one form, senders in lower case, IP addresses canonical. */
  #normalise(type: BlockableType, id: string): string {
    if (type === 'client') return canonicalIp(id) ?? id;
    return type === 'user' && this.#canonicalLogin ? this.#canonicalLogin(id) : id.toLowerCase();
  }

  #nameAt(client: string, sender: string): string {
    return `${this.#normalise('client', client)} ${this.#normalise('sender', sender)}`;
  }
}

function makeEmptyEnds(): Record<BlockableType, Map<string, number>> {
  return { user: new Map(), client: new Map(), sender: new Map(), uid: new Map() };
}
