/** What a way of signing return paths can do. Each scheme is one file; schemes.ts has the table. */

/** How long a signed address takes bounces, days. */
export const LIFETIME_DAYS = 7;

/** One secret of the key file. */
export interface Key {
  /** one digit, as in the address */
  readonly number: string;
  readonly secret: string;
  /** since when it exists, if the file says so, ms */
  readonly added?: number;
  /** since when it signs no more, ms */
  readonly retired?: number;
}

/** Names of the schemes, the first one is the default. */
export const SCHEMES = ['prvs', 'exim-hash'] as const;
export type SchemeName = (typeof SCHEMES)[number];

/** Why an address cannot be signed. */
export const UNSIGNABLE = {
  form: 'not an address with a domain',
  tagged: 'already signed',
  length: 'the signed address would be longer than 64 bytes before the @',
  recipient: 'this scheme signs for one recipient, and none is known',
} as const;
export type Unsignable = keyof typeof UNSIGNABLE;

export type Signed = { readonly address: string } | { readonly unsignable: Unsignable };

/** What an address was found to be. `address`: without its signature. */
export type Verified =
  | { readonly outcome: 'valid'; readonly address: string; readonly recipient?: string }
  | { readonly outcome: 'unsigned' }
  | { readonly outcome: 'wrong signature'; readonly address: string }
  | { readonly outcome: 'expired'; readonly address: string }
  | { readonly outcome: 'too far ahead'; readonly address: string };

/** What signing needs beside the address. */
export interface SigningContext {
  readonly key: Key;
  /** ms */
  readonly now: number;
  /** envelope recipient, for a scheme that signs it */
  readonly recipient?: string;
}

/** What verifying needs beside the address. */
export interface VerifyingContext {
  /** all that count at this time */
  readonly keys: readonly Key[];
  /** ms */
  readonly now: number;
  /** decides where an address can be split in several ways; without it the shortest local part counts */
  readonly isLocalUser?: (localPart: string) => boolean;
}

/** Pure functions of an address without angle brackets, the keys and the time. */
export interface Scheme {
  readonly name: SchemeName;
  /** whether the address carries the recipient, so that each delivery needs one of its own */
  readonly perRecipient: boolean;
  /** Signs exactly the address that is given: who sends it lowers the domain before (relays do it anyway). */
  sign(address: string, context: SigningContext): Signed;
  /** Tells whether one of the keys signed the address, and whether it is still valid. */
  verify(address: string, context: VerifyingContext): Verified;
}
