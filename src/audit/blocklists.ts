/** The DNS blocklists that `--harden` proposes, with the answers that count. They come from lists/dnsbl.yaml. */
import { isDead, type LiveList, shippedLists } from '../probe/lists.ts';

export interface ProposedList {
  readonly zone: string;
  /** answers that are listings; error codes such as 127.255.255.254 are not among them */
  readonly codes: readonly string[];
}

/** Spamhaus: the lists that most servers ask, of addresses and of sender domains. */
export function proposedLists(): { readonly client: ProposedList; readonly sender: ProposedList } {
  return { client: findList('spamhaus-zen'), sender: findList('spamhaus-dbl') };
}

function findList(name: string): ProposedList {
  const list = shippedLists().find((each): each is LiveList => !isDead(each) && each.name === name);
  if (list === undefined) throw new Error(`lists/dnsbl.yaml has no ${name}`);
  return { zone: list.zone, codes: Object.keys(list.codes) };
}
