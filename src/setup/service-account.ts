/**
 * As which accounts the service runs, so that `postern check` can ask what they may do and not what its own account
 * may: User= and the groups of the installed unit, or else the owner of the database's folder.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/load.ts';
import { type Account, type Asker, buildAsker, groupId, lookUp } from './asker.ts';
import { SETUP_MTAS } from './mtas.ts';
import { readUnit, type UnitSettings } from './units.ts';

/** Who reads logs and writes the database, and who writes the block files; and what keeps a unit from starting. */
export interface ServiceAccounts {
  /** undefined: this process itself is asked */
  readonly run?: Asker;
  readonly enforce?: Asker;
  readonly problems: readonly UnitProblem[];
}

interface UnitProblem {
  readonly text: string;
  readonly fix: string;
}

/** Only root can ask for another account. `folders`: where units are, if not in systemd's own folders. */
export function findServiceAccounts(config: Config, folders?: readonly string[]): ServiceAccounts {
  if (process.geteuid?.() !== 0) return { problems: [] };
  const [run = '', enforce = run] = SETUP_MTAS[config.mta].listUnits(config).split(' ');
  const problems: UnitProblem[] = [];
  const find = (name: string): Asker | undefined => {
    const unit = readUnit(`${name}.service`, folders);
    if (unit === undefined) return name === run ? ownerOf(dirname(config.database)) : undefined;
    const found = accountOf(`${name}.service`, unit, config);
    if ('text' in found) {
      problems.push(found);
      return undefined;
    }
    return buildAsker(found);
  };
  const first = find(run);
  const second = enforce === run ? first : find(enforce);
  return {
    ...(first === undefined ? {} : { run: first }),
    ...(second === undefined ? {} : { enforce: second }),
    problems,
  };
}

function accountOf(name: string, unit: UnitSettings, config: Config): Account | UnitProblem {
  const user = unit.get('User')?.at(-1) ?? 'root';
  const found = lookUp(user, `${user} (${name})`);
  if (found === undefined) {
    const commands = SETUP_MTAS[config.mta].unitCommands(config);
    const fix =
      commands.length === 0
        ? 'make the account, or name the right one in the unit: docs/install.md, "The units"'
        : `name the account of the mail server in the unit, then start it again:\n${commands.join('\n')}`;
    return { text: `${name} runs as ${user}, and there is no such account`, fix };
  }
  const more = (unit.get('SupplementaryGroups') ?? []).flatMap((line) => line.split(/\s+/));
  const gid = groupId(unit.get('Group')?.at(-1)) ?? found.gid;
  const groups = more.flatMap((group) => groupId(group) ?? []);
  const missing = more.find((group) => groupId(group) === undefined);
  if (missing !== undefined) {
    const fix = 'name the group of the log in the unit: docs/install.md, "Where the log is"';
    return { text: `${name} wants the group ${missing}, and there is no such group`, fix };
  }
  const capabilities = unit.get('CapabilityBoundingSet');
  const isBare = capabilities !== undefined && !/CAP_DAC_OVERRIDE|~/.test(capabilities.join(' '));
  // Without User= systemd gives a service only the groups that the unit names.
  const own = unit.has('User') ? found.groups : [];
  return { ...found, gid, groups: [...new Set([...own, ...groups])], isBare };
}

/** The rule of every command of Postern: what is in a folder is opened as the owner of the folder. */
function ownerOf(folder: string): Asker | undefined {
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner === 0) return undefined;
  const account = lookUp(`${owner}`, `uid ${owner} (owner of ${folder})`);
  return account === undefined ? undefined : buildAsker(account);
}
