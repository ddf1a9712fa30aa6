/**
 * How well somebody did on a story: who of the guilty was found and when, and how many innocents were blocked. A block
 * counts until the end of the story, also where a ban would be over earlier: a guesser who is banned finds no password.
 */
import type { Act } from './acts.ts';
import type { Log } from './render.ts';
import type { Submitter } from './story.ts';

/** Somebody is blocked from this time on (ms since the epoch). */
export interface Block {
  /** `user:alice@example.net`, `client:192.0.2.7`, `uid:33`, `sender:alice@example.net` */
  readonly key: string;
  readonly time: number;
}

/** One who is guilty: how far the mail went. */
export interface Catch {
  readonly key: string;
  readonly found: boolean;
  /** recipients of the mail that was handed in before the block; all of them when there was none */
  readonly recipients: number;
}

export interface Score {
  readonly caught: readonly Catch[];
  /** the innocent submitters and foreign servers that were blocked */
  readonly innocents: readonly string[];
  /** addresses that only guess and harvest, and were blocked */
  readonly hostile: readonly string[];
}

/** What these blocks are worth. */
export function score({ story, acts }: Log, blocks: readonly Block[]): Score {
  const guilty = story.guilty.map((key) => key.split('|'));
  const isGuilty = (act: Act) => guilty.some((keys) => keys.some((key) => isBy(act, key)));
  const others = acts.filter((act) => !isGuilty(act));
  const hit = others.filter((act) => blocks.some(({ key }) => isBy(act, key)));
  return {
    caught: guilty.map((keys) => catchOf(keys, acts, blocks)),
    innocents: distinct(hit.filter((act) => !isHostile(act))),
    hostile: distinct(hit.filter(isHostile)),
  };
}

function catchOf(keys: readonly string[], acts: readonly Act[], blocks: readonly Block[]): Catch {
  const own = acts.filter((act) => act.kind !== 'guess' && keys.some((key) => isBy(act, key)));
  const last = own.at(-1) as Act;
  const stoppedAt = (act: Act) =>
    Math.min(
      ...blocks.filter(({ key }) => keys.includes(key) || isBy(act, key)).map(({ time }) => time),
    );
  const through = own.filter((act) => act.at < stoppedAt(act));
  return {
    key: keys[0] as string,
    found: stoppedAt(last) < Number.POSITIVE_INFINITY,
    recipients: through.reduce((sum, act) => sum + recipientsOf(act), 0),
  };
}

function recipientsOf(act: Act): number {
  if (act.kind === 'mail') return act.to.length;
  return act.kind === 'refusals' ? act.recipients.length : 0;
}

/** Whether a block of this key stops what happened. Logins are compared without regard to case. */
function isBy(act: Act, key: string): boolean {
  const colon = key.indexOf(':');
  const type = key.slice(0, colon);
  const id = key.slice(colon + 1).toLowerCase();
  if (type === 'client') return act.address === id;
  if (act.kind === 'guess') return false;
  switch (type) {
    case 'user':
      return act.by.kind === 'login' && act.by.user.toLowerCase() === id;
    case 'uid':
      return act.by.kind === 'account' && [String(act.by.uid), act.by.account].includes(id);
    case 'sender':
      return act.sender.toLowerCase() === id;
    default:
      return false;
  }
}

/** A phone with an old password counts as well: a log cannot distinguish it from an attacker. */
function isHostile(act: Act): boolean {
  return act.kind === 'guess' || (act.kind === 'refusals' && act.hostile);
}

function distinct(acts: readonly Act[]): string[] {
  return [...new Set(acts.map((act) => (act.kind === 'guess' ? act.address : nameOf(act.by))))];
}

function nameOf(by: Submitter): string {
  if (by.kind === 'login') return by.user.toLowerCase();
  return by.kind === 'account' ? by.account : by.address;
}
