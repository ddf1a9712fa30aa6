/** Local accounts as operators type them, by number or by name, and as the log of this mail server names them. */
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
  if (key.type !== 'uid') return [key];
  const isNumber = /^\d+$/.test(key.id);
  const other = isNumber
    ? (await findLogins([key.id], options)).get(key.id)
    : (await findUids([key.id], options)).get(key.id.toLowerCase());
  if (other === undefined) return [key];
  const isLogged = isNumber === (CONFIG_MTAS[config.mta].accounts === 'uid');
  return isLogged ? [key, { ...key, id: other }] : [{ ...key, id: other }, key];
}

/** Throws a PosternError (exit status 1) for a local account that has only one form: nobody knows it. */
export function assertAccount(typed: string, forms: readonly Key[]): void {
  if (forms[0]?.type !== 'uid' || forms.length > 1) return;
  throw new PosternError('environment', `${typed}: there is no such local account`, {
    code: 'no-account',
  });
}
