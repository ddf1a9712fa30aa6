/** What is wrong with a configuration although each option alone is right. Pure. */
import { resolve } from 'node:path';
import type { Problem, YamlFile } from '../base/yaml.ts';
import { findHookMistakes } from './hooks.ts';
import { nameJournal } from './journal.ts';
import { findLimitContradictions } from './limits-schema.ts';
import { findRecipientContradictions } from './milter-recipients.ts';
import type { RawConfig } from './schema.ts';
import { POSTFIX_MAPS } from './target-schema.ts';
import { findWebContradictions } from './web.ts';

/** Problems that no single option shows. */
export function findContradictions(raw: RawConfig, yaml: YamlFile): Problem[] {
  const problems: Problem[] = [];
  const say = (path: readonly PropertyKey[], text: string) =>
    problems.push(yaml.problem(path, text));
  const { notify } = raw;
  if (notify?.smtp !== undefined && notify.sendmail !== undefined)
    say(['notify', 'sendmail'], 'expected smtp or sendmail, found both');
  const smtp = notify?.smtp;
  if (smtp?.user !== undefined && smtp.passwordFile === undefined)
    say(['notify', 'smtp', 'user'], 'expected passwordFile beside it, found nothing');
  if (smtp?.passwordFile !== undefined && smtp.user === undefined)
    say(['notify', 'smtp', 'passwordFile'], 'expected user beside it, found nothing');
  for (const [path, other] of findSharedFiles(raw))
    say(path, `expected a file of its own, found that of ${other}`);
  for (const [path, text] of findHookMistakes(raw.hooks)) say(['hooks', ...path], text);
  for (const [index, text] of findJournalMistakes(raw)) say(['logs', index], text);
  problems.push(...findLimitContradictions(raw, yaml));
  if (raw.web !== undefined)
    for (const [path, text] of findWebContradictions(raw.web)) say(['web', ...path], text);
  const recipients = raw.milter?.recipients;
  if (recipients === undefined) return problems;
  return [...problems, ...findRecipientContradictions(recipients, yaml, ['milter', 'recipients'])];
}

/** Two readers of one journal would count its entries twice. */
function findJournalMistakes({ logs = [] }: RawConfig): [number, string][] {
  const names = logs.map((log) => (typeof log === 'string' ? log : nameJournal(log.journal)));
  return logs.flatMap((log, index): [number, string][] => {
    if (typeof log === 'string') return [];
    if (log.journal.directory !== undefined && log.journal.files !== undefined)
      return [[index, 'expected directory or files, found both']];
    if (names.indexOf(names[index] as string) === index) return [];
    return [[index, 'expected each journal once, with all its units and containers']];
  });
}

/** Two targets in one file would delete each other's lines, again and again. */
function findSharedFiles(raw: RawConfig): [string[], string][] {
  const { postfix, exim } = raw.targets;
  const files: [string[], string][] = POSTFIX_MAPS.flatMap((name) => {
    const file = postfix[name]?.file;
    return file === undefined ? [] : [[['targets', 'postfix', name, 'file'], file]];
  });
  for (const name of ['blockedUsers', 'blockedSenders', 'blockedNetworks'] as const)
    files.push([['targets', 'exim', name], exim[name]]);
  files.unshift([['database'], raw.database]);
  const answers = raw.milter?.recipients?.database;
  if (answers !== undefined) files.push([['milter', 'recipients', 'database'], answers]);
  return files.flatMap(([path, file], index): [string[], string][] => {
    const first = files
      .slice(0, index)
      .find((entry) => resolve('/', entry[1]) === resolve('/', file));
    return first === undefined ? [] : [[path, first[0].join('.')]];
  });
}
