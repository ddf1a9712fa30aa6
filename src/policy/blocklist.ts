/**
 * The blocks that run, in memory, as a mail server asks for them in the middle of a session. Knows no file and no
 * database: it is handed the blocks after every change. Says for itself when the time of one is over.
 */
import { canonicalIp } from '../model/address.ts';
import type { Block, BlockableType } from '../model/block.ts';
import type { PolicyRequest } from './request.ts';

/** An access(5) action for each kind of identity, `HOLD blocked by postern`; absent: such blocks have no effect. */
export type PolicyActions = Readonly<Partial<Record<'user' | 'client' | 'sender', string>>>;

/** "Ask the next restriction": the answer for everybody who is not blocked, and whenever there is a doubt. */
export const DUNNO = 'DUNNO';

/** Commands in a mail transaction. Before MAIL it is not known who sends, and Postfix does not hold a session. */
const ASKED = ['RCPT', 'DATA', 'END-OF-MESSAGE'];

export class Blocklist {
  readonly #actions: PolicyActions;
  /** by type and identity to the end of the block, ms */
  #ends: Readonly<Record<BlockableType, Map<string, number>>> = emptyEnds();

  constructor(actions: PolicyActions) {
    this.#actions = actions;
  }

  /** From now on exactly these blocks count. */
  replace(blocks: readonly Block[]): void {
    const ends = emptyEnds();
    for (const { key, end } of blocks) {
      ends[key.type].set(normal(key.type, key.id), end ?? Number.POSITIVE_INFINITY);
    }
    this.#ends = ends;
  }

  /** The action for this request at `now`, ms. Who authenticated is judged by the account, not by the address. */
  answer(request: PolicyRequest, now: number): string {
    const { state, user, client, sender } = request;
    if (!ASKED.includes(state)) return DUNNO;
    const actions = [
      user === '' ? undefined : this.#action('user', user, now),
      sender === '' ? undefined : this.#action('sender', sender, now),
      user === '' && client !== '' ? this.#action('client', client, now) : undefined,
    ].filter((action) => action !== undefined);
    return actions.find((action) => !action.startsWith('HOLD')) ?? actions[0] ?? DUNNO;
  }

  #action(type: 'user' | 'client' | 'sender', id: string, now: number): string | undefined {
    const ends = this.#ends[type];
    // Broken UTF-8 is the same text whatever the bytes were: it could be somebody else's.
    if (ends.size === 0 || id.includes('\ufffd')) return undefined;
    const end = ends.get(normal(type, id));
    return end !== undefined && end > now ? this.#actions[type] : undefined;
  }
}

function emptyEnds(): Record<BlockableType, Map<string, number>> {
  return { user: new Map(), client: new Map(), sender: new Map(), uid: new Map() };
}

/** As keys of events are written: logins and addresses in lower case, IP addresses canonical. */
function normal(type: BlockableType, id: string): string {
  return type === 'client' ? (canonicalIp(id) ?? id) : id.toLowerCase();
}
