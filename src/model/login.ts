/**
 * How the logins of this server are compared: `alice`, `Alice@Example.NET` and `alice+phone` may be one person.
 * Pure. Without options only upper and lower case are the same, as in Postfix's maps and in Exim's `lsearch`.
 */

export const LOGIN_CUTS = ['none', 'domain', 'word'] as const;

export interface LoginOptions {
  /** the domain that a login without one means, lower case */
  readonly defaultDomain?: string | undefined;
  /** `domain`: without the @ and all behind it; `word`: without all from the first character not of A-Z a-z 0-9 _ on */
  readonly cut: (typeof LOGIN_CUTS)[number];
  /** characters of which each begins an extension before the @; empty: there are no extensions */
  readonly extension: string;
}

/** Makes the one form of all spellings of a login. */
export type CanonicalLogin = (login: string) => string;

/** Each login is a person of its own. */
export const PLAIN_LOGINS: LoginOptions = { cut: 'none', extension: '' };

/** The one form of a login, in lower case. It is a fixed point: its own form is itself. */
export function canonicalLogin(options: LoginOptions, login: string): string {
  const lower = login.toLowerCase();
  const bare = cutLogin(options, lower);
  const { defaultDomain, cut } = options;
  if (defaultDomain === undefined || cut !== 'none' || bare === '' || bare.includes('@'))
    return bare;
  return `${bare}@${defaultDomain}`;
}

/** A login of which nothing would be left stays whole. */
function cutLogin({ cut, extension }: LoginOptions, login: string): string {
  const at = login.includes('@') ? login.indexOf('@') : login.length;
  const plus = login.split('').findIndex((char) => extension.includes(char));
  const bare = plus > 0 && plus < at ? login.slice(0, plus) + login.slice(at) : login;
  if (cut === 'none') return bare;
  const end = cut === 'domain' ? bare.indexOf('@') : bare.search(/[^a-z0-9_]/);
  return end > 0 ? bare.slice(0, end) : bare;
}

/** The function that compares logins by these options; undefined if upper and lower case is all that they ignore. */
export function buildCanonicalLogin(options: LoginOptions): CanonicalLogin | undefined {
  const { defaultDomain, cut, extension } = options;
  if (defaultDomain === undefined && cut === 'none' && extension === '') return undefined;
  return (login) => canonicalLogin(options, login);
}

/** The person's login without or with the default domain, where the options make them one; else nothing. */
export function listImpliedSpellings(options: LoginOptions, person: string): string[] {
  const { defaultDomain, cut } = options;
  if (defaultDomain === undefined) return [];
  const suffix = `@${defaultDomain}`;
  const isQualified = person.endsWith(suffix) && cut === 'none';
  const spelling = isQualified ? person.slice(0, -suffix.length) : person + suffix;
  return canonicalLogin(options, spelling) === person ? [spelling] : [];
}
