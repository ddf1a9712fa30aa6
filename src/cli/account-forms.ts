/** Accounts as operators type them, and as the log of this mail server names them: local ones, logins that are not ASCII. */
import { PosternError } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import { CONFIG_MTAS } from '../config/mtas.ts';
import { type AccountOptions, findLogins, findUids } from '../enforce/accounts.ts';

type Key = { readonly type: string; readonly id: string };

/**
 * The key and its other form, that of the log first: Postfix logs a number, Exim a name. Of an account that does not
 * exist, and of anything else, the key alone.
 */
export async function listForms<T extends Key>(
  key: T,
  config: Config,
  options: AccountOptions = {},
): Promise<readonly [T, ...T[]]> {
  if (key.type === 'user') {
    const logged = toLoggedLogin(key, config);
    return logged.id === key.id ? [key] : [logged, key];
  }
  if (key.type !== 'uid') return [key];
  const isNumber = /^\d+$/.test(key.id);
  const other = isNumber
    ? (await findLogins([key.id], options)).get(key.id)
    : (await findUids([key.id], options)).get(key.id.toLowerCase());
  if (other === undefined) return [key];
  const isLogged = isNumber === (CONFIG_MTAS[config.mta].accounts === 'uid');
  return isLogged ? [key, { ...key, id: other }] : [{ ...key, id: other }, key];
}

/** A login as the log and the ACLs of the mail server have it; any other key as it is. */
export function toLoggedLogin<T extends Key>(key: T, { mta }: Pick<Config, 'mta'>): T {
  if (key.type !== 'user' || CONFIG_MTAS[mta].logins === 'sent') return key;
  const id = key.id.replace(/[^ -~]+/g, (text) =>
    [...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
  );
  return { ...key, id };
}

/** Throws a PosternError (exit status 1) for a local account that has only one form: nobody knows it. */
export function assertAccount(typed: string, forms: readonly Key[]): void {
  if (forms[0]?.type !== 'uid' || forms.length > 1) return;
  throw new PosternError('environment', `${typed}: there is no such local account`, {
    code: 'no-account',
  });
}
