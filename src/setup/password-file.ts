/** Whether the file with a password can be used, and is private. */
import { constants, readFileSync, statSync } from 'node:fs';
import { denied } from './access.ts';
import { type Finding, wrong } from './finding.ts';

/** Nothing if it is, or none is named. `area`: of the findings; `option`: its name. */
export function checkPasswordFile(
  area: Finding['area'],
  option: string,
  file: string | undefined,
): Finding[] {
  if (file === undefined) return [];
  const fails = (text: string, fix: string) => [wrong(area, `${option}: ${text}`, fix)];
  const reason = denied(file, constants.R_OK);
  if (reason !== undefined)
    return fails(`${file} ${reason}`, 'write the password in its first line');
  if (readFileSync(file, 'utf8').split('\n', 1)[0] === '')
    return fails(`the first line of ${file} is empty`, 'write the password there');
  return (statSync(file).mode & 0o007) === 0
    ? []
    : fails(`everybody can read ${file}`, `chmod 600 ${file}`);
}
