/** What Exim's log_selector adds to lines, as far as Postern must know it to read them. */
import type { EximLogSettings } from '../../parse/exim/parser.ts';
import { type Finding, warning } from '../finding.ts';
import { ask, settingsIn } from '../programs.ts';

/** Asks Exim for its log_selector; empty when it gives no answer. */
export async function readEximLogSettings(exim: readonly string[]): Promise<EximLogSettings> {
  const answer = await ask([...exim, '-bP', 'log_selector']);
  const selector = settingsIn(answer.stdout).get('log_selector');
  if (answer.status !== 0 || selector === undefined) return {};
  return { logsMailAuth: hasMailAuth(selector) };
}

/** The last item that names it decides (functions.h, decode_bits): `+all -smtp_mailauth`. It is not a default. */
function hasMailAuth(selector: string): boolean {
  const items = [...selector.matchAll(/([+-])(\w+)/g)];
  const last = items.findLast(([, , name]) => name === 'all' || name === 'smtp_mailauth');
  return last?.[1] === '+';
}

/**
 * Exim prints what a client writes into AUTH= as it is, with line breaks, so a client can write whole lines. An ACL for
 * AUTH= is left to the operator.
 */
export async function checkEximLogSettings(exim: readonly string[]): Promise<Finding[]> {
  const { logsMailAuth } = await readEximLogSettings(exim);
  if (logsMailAuth !== true) return [];
  const answer = await ask([...exim, '-bP', 'acl_smtp_mailauth']);
  if (settingsIn(answer.stdout).get('acl_smtp_mailauth')) return [];
  return [
    warning(
      'mta',
      'log_selector has smtp_mailauth: users can write any text into the log, and hide who they are',
      'log_selector = -smtp_mailauth, or acl_smtp_mailauth as in docs/mta/exim.md',
    ),
  ];
}
