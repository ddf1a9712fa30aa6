/**
 * A mail server that asks a policy service of Postern although the configuration does not have one, so that nobody
 * answers. Pure; connects to nothing. Only the name decides: a service that is not called postern (postgrey,
 * policyd-spf, a bare port) belongs to another program.
 */

import { formatListenAddress, type ListenAddress } from '../base/listen-address.ts';
import type { Config } from '../config/load.ts';
import { type Finding, warning, wrong } from './finding.ts';

const NAME = /(?<![a-z])postern(?![a-z])/i;

/** Whether an address of main.cf or of `readsocket` names Postern: its host, or a socket or the folder of that. */
export function isPosterns(address: string): boolean {
  return NAME.test(address.startsWith('inet:') ? address : address.split('/').slice(-2).join('/'));
}

/** What happens to mail while nobody answers. */
export interface Outcome {
  readonly passes: boolean;
  /** a whole clause */
  readonly text: string;
}

/** Mail is answered with `reply`. */
export function mailGets(reply: string): Outcome {
  return { passes: false, text: `mail gets ${reply}` };
}

/** Mail passes, at a `cost`. */
export function mailPasses(cost: string): Outcome {
  return { passes: true, text: `mail passes, but each question costs ${cost}` };
}

/** A question that nobody answers. */
interface Unanswered {
  /** what asks which service, the beginning of a sentence */
  readonly question: string;
  readonly outcome: Outcome;
  /** where Postern would have to listen; undefined when it cannot */
  readonly listen: ListenAddress | undefined;
  /** how to keep the mail server from asking, an imperative */
  readonly removal: string;
}

/** A warning if mail passes; wrong if it does not, whatever the mode. */
export function unansweredFinding(
  { question, outcome, listen, removal }: Unanswered,
  { file }: Config,
): Finding {
  const level = outcome.passes ? warning : wrong;
  const text = `${question}, but ${file} has no policy, so nobody answers: ${outcome.text}`;
  if (listen === undefined) return level('mta', text, removal);
  const section = `policy: { listen: "${formatListenAddress(listen)}" }`;
  const fix = `add to ${file}, restart Postern, then run postern check again:\n${section}`;
  return level('mta', text, fix, { instead: removal });
}
