/**
 * One entry of the reason table, and helpers to build its patterns. Has no wording itself.
 * Patterns see the text as normalise.ts leaves it: lower case, single blanks, no accents on Latin letters, and `@` for
 * a mail address, `dom#` for a host, `ip#` for an IP address, `dnsbl#` for a known blocklist, `url#` for a link
 * (`spf url#` for a link to an SPF checker), `0` for a number.
 */
import type { Reason } from '../../model/event.ts';
import type { Stage } from '../../model/record.ts';

/** A wording, or several similar ones, and the reason that they mean. */
export interface ReasonEntry {
  /** unique; tests and `explainReason` use it */
  readonly name: string;
  readonly reason: Reason;
  /** lower case, separated by `|`; the entry is tried only if the normalised text has one of these */
  readonly literals: string;
  /** must match; without it a literal is enough */
  readonly pattern?: RegExp;
  /** must not match */
  readonly unless?: RegExp;
  /** only with one of these enhanced statuses, without their class: `4.1` is x.4.1 */
  readonly status?: readonly string[];
  /** only after one of these commands */
  readonly stages?: readonly Stage[];
  /** not for 4yz: the words alone are too weak for a temporary refusal */
  readonly permanent?: true;
  /** only for 4yz: a 5yz with these words means something else */
  readonly temporary?: true;
  /** only for a reply with a code: the words of another server, not of our own MTA */
  readonly coded?: true;
  /** a reply in our own words that this entry must decide */
  readonly example: string;
}

/** Any of the alternatives, as whole words. */
export function word(alternatives: string): RegExp {
  return new RegExp(`\\b(?:${alternatives})(?!\\w)`);
}

/** `first`, then `second` in the same sentence, at most `gap` characters later. */
export function near(first: string, second: string, gap = 40): RegExp {
  return new RegExp(`\\b(?:${first})(?!\\w)[^.;]{0,${gap}}?\\b(?:${second})(?!\\w)`);
}

/** `near` in either order. */
export function around(one: string, other: string, gap = 40): RegExp {
  return new RegExp(`${near(one, other, gap).source}|${near(other, one, gap).source}`);
}

/** Words for a refusal, in the forms that servers use. */
export const REFUSED =
  'reject(?:ed|s|ing|ion)?|refus(?:ed|es|al|ing)|den(?:ied|y|ies)|block(?:ed|s|ing)?|not (?:be )?(?:accept(?:ed|ing)?|allowed|permitted|authori[sz]ed|welcome)|disallowed|prohibited|forbidden|banned|barred|unauthori[sz]ed|unacceptable';

/** Not followed by a word that changes the meaning of the noun: `user agreement`, `mailbox server`. */
export const ALONE =
  "(?!(?:'s|s')? (?:agents?|agreement|rights?|quotas?|errors?|problems?|providers?|commands?|balance|input|(?:mail ?)?servers?|systems?|certificates?|passwords?|polic(?:y|ies)|lists?|authentication|count|headers?|database|store|rules|licen[cs]es?|sessions?|range|family|literal|records?|block|space|settings?)(?!\\w))";

/** A recipient or a mailbox. */
export const WHO = `(?:user(?:s|name|id)?|user'?s|recipients?|rcpt(?:-?to)?|mail[- ]?box(?:es)?|mail ?drop|mailfolder|accounts?|addressee|mail-?address(?:es)?|(?<!\\b(?:ip|ipv0|sender|from|source|return|client|host|reply-to|network|relay) )address(?:es)?|alias(?:es)?|person|customer|subscriber|inbox|local[- ]?part|recipient\\(s\\)|user\\(s\\)|address\\(es\\))${ALONE}`;

/** One of several patterns. */
export function either(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map((pattern) => `(?:${pattern.source})`).join('|'));
}
