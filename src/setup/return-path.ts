/** Whether the milter can sign return paths and refuse bogus notifications. Findings of `postern check`. */
import { getMessage } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import type { ReturnPathConfig } from '../config/config.ts';
import { readKeyFile } from '../sign/key-file.ts';
import { endOfSigning, findSigning } from '../sign/keys.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

export function checkReturnPath(config: ReturnPathConfig): Finding[] {
  return [checkKeys(config), ...checkMode(config)];
}

/** The file is read as the account that runs this; the milter's own must be able to do so, too. */
function checkKeys({ keys }: ReturnPathConfig): Finding {
  try {
    const key = findSigning(readKeyFile(keys));
    if (key === undefined)
      return wrong('milter', `${keys}: all keys are retired`, 'postern key add');
    const end = endOfSigning(key);
    if (end !== undefined && systemClock.now() > end) {
      const text = `${keys}: key ${key.number} signs since more than 900 days`;
      return warning('milter', text, 'postern key add, then postern key retire');
    }
    return ok('milter', `${keys}: key ${key.number} signs`);
  } catch (error) {
    return wrong('milter', getMessage(error));
  }
}

function checkMode({ mode, servers, rejectAtOnce, domains }: ReturnPathConfig): Finding[] {
  if (mode === 'observe') {
    const text = 'milter.returnPath.mode is observe: nothing is signed or refused';
    return [warning('milter', text, 'mode: sign')];
  }
  if (mode === 'sign' || rejectAtOnce || servers.length > 0) return [];
  const text = 'milter.returnPath: nothing is refused, because servers is empty';
  const fix = `name every server that sends or receives mail for ${domains.join(', ')}, when all of them have the keys`;
  return [warning('milter', text, fix)];
}
