/** How texts for people show the server, times and local accounts: one desk may get the mails of many servers. */
import {
  formatLocalMinute,
  formatLocalSecond,
  formatLocalTime,
  formatMinute,
  formatTime,
} from '../base/time.ts';
import type { Key } from './block.ts';
import { formatIdentity } from './identity.ts';

export interface Style {
  /** name of the server; absent: it is not named */
  readonly host?: string;
  /** to the second; `ms` */
  time(ms: number): string;
  /** to the second, for lists of many; `ms` */
  second(ms: number): string;
  /** to the minute, for tables; `ms` */
  minute(ms: number): string;
  /** who it is, in the form that can be typed; a local account with its login name */
  who(key: Key): string;
  /** the same, with the gateway where alone a sender is shut out */
  target(what: { readonly key: Key; readonly at?: Key }): string;
}

/**
 * `zone`: that of the times (IANA name or `±hh:mm`); undefined: UTC as RFC 3339. `logins`: login names of local accounts,
 * by number.
 */
export function buildStyle(
  options: { host?: string; zone?: string | undefined; logins?: ReadonlyMap<string, string> } = {},
): Style {
  const { host, zone, logins } = options;
  const who = (key: Key) => {
    const login = key.type === 'uid' ? logins?.get(key.id) : undefined;
    return login === undefined ? formatIdentity(key) : `${formatIdentity(key)} (${login})`;
  };
  return {
    ...(host === undefined ? {} : { host }),
    time: (ms) => (zone === undefined ? formatTime(ms) : formatLocalTime(ms, zone)),
    second: (ms) => (zone === undefined ? formatTime(ms) : formatLocalSecond(ms, zone)),
    minute: (ms) => (zone === undefined ? formatMinute(ms) : formatLocalMinute(ms, zone)),
    who,
    target: ({ key, at }) => (at === undefined ? who(key) : `${who(key)} at ${who(at)}`),
  };
}

/** UTC, and numbers of local accounts only. */
export const PLAIN_STYLE = buildStyle();
