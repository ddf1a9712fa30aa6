/** Whom an override of limits names. */
import { readClients } from './address.ts';

/** Whom an override is for. `domain` is that of a login or a sender, with its subdomains; `list` is a sender address. */
export interface OverrideKey {
  readonly type: 'user' | 'client' | 'uid' | 'list' | 'domain';
  /** users, lists and domains in lower case, addresses and networks canonical */
  readonly id: string;
}

/** A key as events name it, or what was expected instead. */
export function makeOverrideKey(type: OverrideKey['type'], id: string): OverrideKey | string {
  if (type === 'uid') return { type, id };
  if (type !== 'client') return { type, id: id.toLowerCase().replace(/^@/, '') };
  const clients = readClients(id);
  return clients === undefined ? 'expected an address or a network' : { type, id: clients };
}
