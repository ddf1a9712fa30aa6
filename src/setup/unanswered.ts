/**
 * A mail server that asks a policy service of Postern which the configuration does not have, so that nobody answers:
 * whose service an address means, and what to do. Pure; connects to nobody. Names alone decide: what is not called
 * postern (postgrey, policyd-spf, a bare port) is somebody else's.
 */
import type { Config } from '../config/load.ts';
import { formatListenAddress, type ListenAddress } from '../policy/address.ts';
import { type Finding, warning, wrong } from './finding.ts';

const NAME = /(?<![a-z])postern(?![a-z])/i;

/** Whether an address of main.cf or of `readsocket` names Postern: its host, or a socket or the folder of that. */
export function isPosterns(address: string): boolean {
  return NAME.test(address.startsWith('inet:') ? address : address.split('/').slice(-2).join('/'));
}

/** A question that nobody answers. */
interface Unanswered {
  /** who asks whom, the beginning of a sentence */
  readonly question: string;
  /** what becomes of mail, the end of that sentence */
  readonly outcome: string;
  /** whether mail passes all the same */
  readonly passes: boolean;
  /** where Postern would have to listen; undefined when it cannot */
  readonly listen: ListenAddress | undefined;
  /** how the mail server is kept from asking, an imperative */
  readonly removal: string;
}

/** Mail that passes is a warning; mail that does not is wrong, whatever the mode. */
export function unansweredFinding(
  { question, outcome, passes, listen, removal }: Unanswered,
  { file }: Config,
): Finding {
  const level = passes ? warning : wrong;
  const text = `${question}, but ${file} has no policy: nobody answers, ${outcome}`;
  if (listen === undefined) return level('mta', text, removal);
  const section = `policy: { listen: "${formatListenAddress(listen)}" }`;
  const fix = `add to ${file}, restart Postern, then postern check again:\n${section}`;
  return level('mta', text, fix, { instead: removal });
}
