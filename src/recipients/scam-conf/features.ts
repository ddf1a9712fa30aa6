/**
 * What scam-backscatter had compiled in, and what Postern makes of each: a switch of the command line, and a line
 * `NAME:Yes` of scam.conf.
 */

interface Feature {
  readonly name: string;
  /** for `-h` and for the manual */
  readonly meaning: string;
  /** whether it makes a difference; the others are always on here */
  readonly isSwitch: boolean;
}

export const FEATURES = [
  {
    name: 'USEMAILERTABLE',
    meaning: 'domains and servers come from the mailertable',
    isSwitch: true,
  },
  { name: 'ALLDOMAINS', meaning: 'one server knows the recipients of all domains', isSwitch: true },
  { name: 'EHLO', meaning: 'EHLO in place of HELO', isSwitch: true },
  {
    name: 'FALLBACKEND',
    meaning: 'the second server of a mailertable row is asked, too',
    isSwitch: false,
  },
  { name: 'BACKOFF', meaning: 'a server that does not answer is left alone', isSwitch: false },
  { name: 'SM813', meaning: 'the socket is opened before the account is changed', isSwitch: false },
  { name: 'VERBOSE', meaning: 'log lines name what the server said', isSwitch: false },
] as const satisfies readonly Feature[];

export type FeatureName = (typeof FEATURES)[number]['name'];

/** Why BITBUCKET is refused. */
export const NO_BITBUCKET =
  'BITBUCKET is not supported: it deletes recipients without a word, so that mail is lost and nobody is told; without it, invalid recipients are refused';
