/**
 * What `postern audit --harden` prints: the stringent set of restrictions for this installation, as far as it is not
 * there yet, easy to hard, as commands (Postfix) or statements of an ACL (Exim) that keep what is there. Pure.
 */
import { escapeControls } from '../base/escape.ts';
import type { Config } from '../config/load.ts';

export interface HardenOptions {
  /** Postern's configuration, if there is one */
  readonly config: Config | undefined;
  /** folder of main.cf, or Exim's configuration file, if not the usual one */
  readonly source: string | undefined;
  /** the restrictions only log what they would refuse */
  readonly rehearse: boolean;
  /** gets sentences about what could not be read */
  readonly notes: Set<string>;
}

/** One restriction or setting that is not there yet. */
export interface Addition {
  readonly name: string;
  /** why it is worth having, a sentence */
  readonly why: string;
  /** what is different with it, a sentence */
  readonly effect: string;
}

/** What changes in one place. */
export interface Change {
  /** a parameter, or an ACL with the place in it */
  readonly where: string;
  /** the value of the parameter now; empty if it has none */
  readonly now: string;
  readonly additions: readonly Addition[];
  /** a command for the shell (Postfix), or statements (Exim) */
  readonly change: string;
}

export interface Hardening {
  /** easy to hard; none when all of it is there */
  readonly changes: readonly Change[];
  /** sentences that an operator should know before the changes are made */
  readonly remarks: readonly string[];
  /** the last command, which makes the changes count; undefined if a person has to do it */
  readonly finish?: string;
}

/** A script for the shell, or a piece of an ACL: everything but the changes is a comment. */
export function hardeningText({ changes, remarks, finish }: Hardening): string {
  const head = remarks.map((remark) => `# ${remark}\n`).join('');
  if (changes.length === 0) return `${head}# Nothing to change: all of it is there.\n`;
  const end = finish === undefined ? '' : `\n${finish}\n`;
  const parts = changes.map((change, index) => changeText(change, changes[index - 1]));
  return `${head}${parts.join('')}${end}`;
}

/** A place that is that of the change before is not named again. */
function changeText({ where, now, additions, change }: Change, before?: Change): string {
  const lines = additions.flatMap(({ name, why, effect }) => [
    ...(name === where ? [] : [`# ${name}`]),
    `#     why: ${why}`,
    `#     changes: ${effect}`,
  ]);
  const place = where === before?.where ? '' : `# --- ${where}\n`;
  const value = now === '' ? '' : `#     now: ${escapeControls(now)}\n`;
  return `\n${place}${value}${lines.join('\n')}\n${change}\n`;
}
