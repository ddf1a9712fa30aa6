/** What a story is made of: who hands in mail, from where, to whom, what the servers answer, who has to be blocked. */
import type { Random } from '../random.ts';

export type Mta = 'postfix' | 'exim';

/** Milliseconds. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** Who hands in a message. */
export type Submitter =
  /** someone who logged in; the addresses in `from` take turns */
  | { readonly kind: 'login'; readonly user: string; readonly from: readonly string[] }
  /** a machine that may relay without a login */
  | { readonly kind: 'relay'; readonly name: string; readonly address: string }
  /** a local account: Postfix logs its number, Exim its name */
  | { readonly kind: 'account'; readonly uid: number; readonly account: string }
  /** a foreign server that brings mail for us */
  | { readonly kind: 'stranger'; readonly name: string; readonly address: string };

/** What one delivery attempt led to. */
export interface Answer {
  readonly outcome: 'sent' | 'bounced' | 'deferred';
  /** the lines of the reply, each with its code; without a reply, what the MTA found out by itself */
  readonly reply: readonly string[];
  /** the command that was answered; `none`: no server answered */
  readonly stage: 'CONNECT' | 'MAIL' | 'RCPT' | 'DATA' | 'none';
  /** enhanced status, where the reply has none */
  readonly status?: string;
}

/** How the software of a site words its answers; `to` is the recipient. */
export interface Dialect {
  sent(token: string): Answer;
  dead(to: string): Answer;
  /** put off once, accepted later */
  grey(to: string): Answer;
  /** put off again and again: too much mail from us */
  busy(to: string): Answer;
  full(to: string): Answer;
  spam(to: string): Answer;
}

/** Where mail is delivered to: a foreign server, or one of our own delivery agents. */
export interface Site {
  readonly domain: string;
  readonly host: string;
  readonly address: string;
  readonly agent: 'smtp' | 'relay' | 'lmtp' | 'virtual' | 'local' | 'pipe';
  readonly dialect: Dialect;
}

export interface Addressee {
  readonly address: string;
  /** the address before alias expansion, where it differs */
  readonly original?: string;
  readonly site: Site;
  /** one for each delivery attempt */
  readonly answers: readonly Answer[];
}

/** Makes the function that names the next recipient. */
export type Audience = (random: Random) => () => Addressee;

/** Somebody sends mail. */
export interface Sending {
  readonly kind: 'sending';
  readonly by: Submitter;
  /** reverse-paths in turn, `''` is the null one; default: the login, or an address of the machine */
  readonly senders?: readonly string[];
  /** `HH:MM` of the first day, or `1+HH:MM` of the next one */
  readonly at: string;
  /** ms */
  readonly over: number;
  readonly mails: number;
  /** recipients of each mail; default 1 */
  readonly each?: number;
  readonly to: Audience;
}

/** Somebody tries passwords; `hostile` in every case. */
export interface Guessing {
  readonly kind: 'guessing';
  readonly from: readonly string[];
  readonly at: string;
  readonly over: number;
  readonly tries: number;
}

/** Somebody names recipients of ours that do not exist, and is refused at RCPT. */
export interface Probing {
  readonly kind: 'probing';
  readonly by: Submitter;
  readonly at: string;
  readonly over: number;
  readonly tries: number;
  readonly domain: string;
  /** a bot; else a server that also brings honest mail */
  readonly hostile?: boolean;
}

export type Flow = Sending | Guessing | Probing;

/** One log and its verdict. */
export interface Tale {
  readonly name: string;
  /** one sentence for people */
  readonly says: string;
  readonly flows: readonly Flow[];
  /** who has to be observed, but not blocked: `client:127.0.0.1` */
  readonly observe?: readonly string[];
  /** configuration beside the shipped rules, as in postern.yaml */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Postfix hands all mail to a content filter at 127.0.0.1 */
  readonly filtered?: boolean;
  /** the log is rotated at this time */
  readonly rotatedAt?: string;
  /** only so many queue IDs are in use, each again and again */
  readonly queueIds?: number;
}

export interface GuiltyTale extends Tale {
  /** who has to be blocked, and nobody else: `user:alice@example.net`; `a|b`: either will do */
  readonly block: readonly string[];
  /** why Postern does not find this one; then nobody is expected to be blocked */
  readonly missed?: string;
}

/** Innocent stories and their guilty twins. */
export interface Pair {
  readonly name: string;
  /** the mail servers that the stories are told for; default: Postfix */
  readonly on?: readonly Mta[];
  readonly innocent: readonly Tale[];
  readonly guilty: readonly GuiltyTale[];
}

/** A tale as one mail server logs it. */
export interface Story extends Tale {
  readonly pair: string;
  readonly mta: Mta;
  /** the tale's name; with `@exim` for that server */
  readonly title: string;
  /** who is guilty; empty for an innocent story */
  readonly guilty: readonly string[];
  readonly missed?: string;
}

/** All stories of the pairs, in their order. */
export function listStories(pairs: readonly Pair[]): Story[] {
  return pairs.flatMap((pair) =>
    (pair.on ?? ['postfix']).flatMap((mta) => [
      ...pair.innocent.map((tale) => toStory(pair, mta, tale, [])),
      ...pair.guilty.map((tale) => toStory(pair, mta, tale, tale.block)),
    ]),
  );
}

function toStory(pair: Pair, mta: Mta, tale: Tale, guilty: readonly string[]): Story {
  const title = mta === 'exim' ? `${tale.name}@exim` : tale.name;
  return { ...tale, pair: pair.name, mta, title, guilty };
}
