/**
 * Whether Exim's ACLs look into the files that Postern writes: read from `exim -bP`, macros expanded.
 * Sees the configuration file as it is now; a running daemon uses it only after a restart, which cannot be seen from here.
 */
import { statSync } from 'node:fs';
import type { Config } from '../../config/load.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import { ask, describeFailure, settingsIn } from '../programs.ts';
import { eximStatements } from '../recipe.ts';
import { type Acls, acceptsAll, aclsIn, mentions, reachable, stops } from './acls.ts';
import { eximConfiguration, listItems } from './find.ts';
import { checkEximPolicy } from './policy.ts';

/** ACLs that see every message that comes in by SMTP. */
const SMTP_ACLS = ['acl_smtp_data', 'acl_smtp_rcpt', 'acl_smtp_predata', 'acl_smtp_mail'];
const LOCAL_ACL = 'acl_not_smtp';

export async function checkEximWiring(config: Config, exim: readonly string[]): Promise<Finding[]> {
  const names = ['log_file_path', 'spool_directory', ...SMTP_ACLS, LOCAL_ACL];
  const [about, answer, text] = await Promise.all([
    ask([...exim, '-bV']),
    ask([...exim, '-bP', ...names]),
    eximConfiguration(exim),
  ]);
  const failure = describeFailure(exim, about) ?? describeFailure(exim, answer);
  if (failure !== undefined)
    return [wrong('mta', failure, 'say where Exim is: --exim-binary FILE, --exim-config FILE')];
  if (text === '')
    return [
      warning(
        'mta',
        'this Exim does not print its configuration (exim -bP config): the ACLs were not checked',
      ),
    ];
  const settings = settingsIn(answer.stdout);
  const acls = aclsIn(text, settings.get('spool_directory') ?? '');
  const entrance = (names: readonly string[]): Entrance => ({
    acls,
    settings: names.map((setting) => ({ setting, acl: settings.get(setting) ?? '' })),
    statements: eximStatements(config.targets.exim),
    first: config.mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '',
  });
  const { blockedUsers, blockedSenders } = config.targets.exim;
  const level = config.mode === 'observe' ? warning : wrong;
  return [
    ok('mta', `Exim ${/^Exim version (\S+)/m.exec(about.stdout)?.[1] ?? ''}`),
    ...checkEntrance(blockedUsers, entrance(SMTP_ACLS), level),
    ...checkEntrance(blockedUsers, entrance([LOCAL_ACL]), level),
    // No shipped rule blocks senders.
    ...checkEntrance(blockedSenders, entrance(SMTP_ACLS), warning),
    ...[blockedUsers, blockedSenders].flatMap(checkReadable),
    ...checkEximPolicy(config, acls, settings),
    ...checkLog(config, settings),
  ];
}

interface Entrance {
  readonly acls: Acls;
  /** the settings that may name the ACL, the recommended one first; empty when not set */
  readonly settings: readonly { readonly setting: string; readonly acl: string }[];
  /** what belongs there */
  readonly statements: string;
  /** how a fix begins: what has to be done before */
  readonly first: string;
}

function checkEntrance(file: string, entrance: Entrance, level: typeof wrong): Finding[] {
  const looks = entrance.settings.map(({ setting, acl }) => ({
    name: `${acl} (${setting})`,
    use: findUse(file, reachable(entrance.acls, acl)),
  }));
  const found = looks.find(({ use }) => use === 'stops');
  if (found !== undefined) return [ok('mta', `${found.name} looks into ${file}`)];
  const fix = fixFor(entrance);
  const parts = { lines: entrance.statements };
  const weak = looks.find(({ use }) => use !== 'unused');
  if (weak !== undefined)
    return [level('mta', `${weak.name} looks into ${file}, but ${WEAK[weak.use]}`, fix, parts)];
  const names = entrance.settings.map(({ setting }) => setting).join(', ');
  return [level('mta', `no ACL (${names}) looks into ${file}`, fix, parts)];
}

/** Exim looks into it as its own user; a file that it cannot open makes it defer everybody's mail. */
function checkReadable(file: string): Finding[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.uid !== 0 || stats.gid !== 0 || (stats.mode & 0o004) !== 0)
    return [];
  return [wrong('mta', `only root can read ${file}, Exim cannot`, `chown Debian-exim ${file}`)];
}

type Use = 'stops' | 'mild' | 'late' | 'unused';
const WEAK: Readonly<Record<string, string>> = {
  mild: 'neither freezes nor refuses',
  late: 'only behind a statement that accepts the mail before',
};

function findUse(file: string, statements: readonly string[]): Use {
  const index = statements.findIndex((statement) => mentions(statement, file));
  if (index < 0) return 'unused';
  if (!statements.some((statement) => mentions(statement, file) && stops(statement))) return 'mild';
  return statements.slice(0, index).some(acceptsAll) ? 'late' : 'stops';
}

function fixFor({ settings, statements, first }: Entrance): string {
  const { setting, acl } = settings[0] as Entrance['settings'][number];
  if (acl !== '')
    return `${first}put first into ${acl}, then restart Exim (Debian: update-exim4.conf before):\n${statements}`;
  const name = setting === LOCAL_ACL ? 'acl_postern_local' : 'acl_postern_data';
  return `${first}set in the main section: ${setting} = ${name}\nadd after "begin acl", then restart Exim:\n${name}:\n${statements}\n  accept`;
}

function checkLog(config: Config, settings: ReadonlyMap<string, string>): Finding[] {
  const path = listItems(settings.get('log_file_path') ?? '').find((item) => item.startsWith('/'));
  const file = path?.replaceAll('%s', 'main');
  if (file === undefined || /%[DM]/.test(file) || config.logs.includes(file)) return [];
  return [wrong('mta', `Exim logs to ${file}, which is not among logs`, `logs: [${file}]`)];
}
