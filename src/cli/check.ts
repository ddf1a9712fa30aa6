/** `postern check`: whether configuration, rules, files and the mail server are in order. Changes nothing. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import type { ConfigChoice } from '../config/load.ts';
import { checkAll, type CheckOptions as SetupOptions } from '../setup/check.ts';
import { findingsText } from '../setup/finding.ts';
import { type Io, jsonLine } from './io.ts';

export interface CheckOptions extends SetupOptions {
  readonly config?: ConfigChoice;
  /** default text */
  readonly format?: 'text' | 'json';
}

/** Prints every finding; exit status 2 when anything is wrong. */
export async function runCheck(options: CheckOptions, io: Io): Promise<ExitStatus> {
  const findings = await checkAll(options.config, options);
  const bad = findings.some(({ level }) => level === 'wrong');
  io.stdout(options.format === 'json' ? jsonLine({ ok: !bad, findings }) : findingsText(findings));
  return bad ? EXIT.usage : EXIT.done;
}
