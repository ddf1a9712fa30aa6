/** What differs between the mail servers when their logs are read: one row for each. */
import type { LogTraits } from '../correlate/turn.ts';
import type { Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import { createEximParser, type EximLogSettings } from '../parse/exim/parser.ts';
import type { LogParser } from '../parse/parser.ts';
import { createPostfixParser } from '../parse/postfix/parser.ts';

/** What the configuration of a mail server says about its log, as far as its lines cannot be read without it. */
export type LogSettings = EximLogSettings;

export function createParsers(settings: LogSettings = {}): Readonly<Record<Mta, LogParser>> {
  return { postfix: createPostfixParser(), exim: createEximParser(settings) };
}

/** Their names as people write them. */
export const MTA_NAMES: Readonly<Record<Mta, string>> = { postfix: 'Postfix', exim: 'Exim' };

export const LOG_TRAITS: Readonly<Record<Mta, LogTraits>> = {
  postfix: { mta: 'postfix', outgoing: 'smtp', repeatsRefusals: false, completesRemovals: false },
  // Exim has a reject log beside its main log, and logs `Completed` for every message.
  exim: { mta: 'exim', outgoing: 'exim', repeatsRefusals: true, completesRemovals: true },
};

/** The mail server that lines of this program are read as. Exim has only one tag, but each daemon of Postfix its own. */
export function findMta(program: string): Mta {
  return program.startsWith('exim') ? 'exim' : 'postfix';
}

/** What Exim logs when there is no mail. */
const EXIM_IDLE = /^(?:Start queue run|End queue run|exim [0-9]|SIGHUP)/;

/** Whether a line without a record comes from a mail server: an idle Exim, or a Postfix daemon (a tag with a slash). */
export function isMailServerLine({ instance, program, text }: LoggedLine): boolean {
  if (program === 'exim') return instance !== 'exim' || EXIM_IDLE.test(text);
  return program !== instance && instance !== 'docker';
}
