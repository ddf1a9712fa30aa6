/**
 * Whether Exim's ACLs use the files that Postern writes, as `exim -bP` prints them, with macros expanded.
 * Sees the configuration file as it is now. Whether a running daemon was restarted since cannot be seen from here.
 */
import { statSync } from 'node:fs';
import type { Config } from '../../config/load.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import { ask, describeFailure, settingsIn } from '../programs.ts';
import { type Acls, aclsIn, findUse, mentions, reachable } from './acls.ts';
import { eximConfiguration, listItems } from './find.ts';
import { checkEximPolicy } from './policy.ts';
import { eximStatements, putFirst } from './recipe.ts';

/** Settings that name an ACL which sees every message that comes in by SMTP, the recommended one first. */
const SMTP_ACLS = ['acl_smtp_data', 'acl_smtp_rcpt', 'acl_smtp_predata', 'acl_smtp_mail'];
const LOCAL_ACL = 'acl_not_smtp';

/** All findings about the ACLs and the log; one that says why when Exim gives no answer. */
export async function checkEximWiring(config: Config, exim: readonly string[]): Promise<Finding[]> {
  const names = ['log_file_path', 'spool_directory', ...SMTP_ACLS, LOCAL_ACL];
  const [about, answer, text] = await Promise.all([
    ask([...exim, '-bV']),
    ask([...exim, '-bP', ...names]),
    eximConfiguration(exim),
  ]);
  const failure = describeFailure(exim, about) ?? describeFailure(exim, answer);
  if (failure !== undefined)
    return [wrong('mta', failure, 'name Exim: --exim-binary FILE, --exim-config FILE')];
  if (text === '')
    return [
      warning(
        'mta',
        'this Exim does not print its configuration (exim -bP config): the ACLs were not checked',
      ),
    ];
  const settings = settingsIn(answer.stdout);
  const acls = aclsIn(text, settings.get('spool_directory') ?? '');
  return [
    ok('mta', `Exim ${/^Exim version (\S+)/m.exec(about.stdout)?.[1] ?? ''}`),
    ...checkAcls(config, acls, settings),
    ...checkEximPolicy(config, acls, settings),
    ...checkLog(config, settings),
  ];
}

function checkAcls(config: Config, acls: Acls, settings: ReadonlyMap<string, string>): Finding[] {
  const entrance = (names: readonly string[]): Entrance => ({
    acls,
    settings: names.map((setting) => ({ setting, acl: settings.get(setting) ?? '' })),
    statements: eximStatements(config.targets.exim),
    first: config.mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '',
  });
  const { blockedUsers, blockedSenders } = config.targets.exim;
  const level = config.mode === 'observe' ? warning : wrong;
  return [
    ...checkEntrance(blockedUsers, entrance(SMTP_ACLS), level),
    ...checkEntrance(blockedUsers, entrance([LOCAL_ACL]), level),
    // No shipped rule blocks senders.
    ...checkEntrance(blockedSenders, entrance(SMTP_ACLS), warning),
    ...[blockedUsers, blockedSenders].flatMap(checkReadable),
  ];
}

/** A way on which mail comes in, and what is needed there. */
interface Entrance {
  readonly acls: Acls;
  /** the settings that can name the ACL, the recommended one first; `acl` is empty when not set */
  readonly settings: readonly { readonly setting: string; readonly acl: string }[];
  readonly statements: string;
  /** how a fix begins: what has to be done before */
  readonly first: string;
}

/** What is wrong with an ACL that uses the file, as the end of a sentence. */
const WEAK = {
  mild: 'neither freezes nor refuses mail',
  late: 'only after a statement that accepts the mail',
} as const;

function checkEntrance(file: string, entrance: Entrance, level: typeof wrong): Finding[] {
  const looks = entrance.settings.map(({ setting, acl }) => ({
    name: `${acl} (${setting})`,
    use: findUse(reachable(entrance.acls, acl), (statement) => mentions(statement, file)),
  }));
  const found = looks.find(({ use }) => use === 'stops');
  if (found !== undefined) return [ok('mta', `${found.name} uses ${file}`)];
  const fix = entrance.first + entranceFix(entrance);
  const parts = { lines: entrance.statements };
  for (const { name, use } of looks) {
    if (use === 'mild' || use === 'late')
      return [level('mta', `${name} uses ${file}, but ${WEAK[use]}`, fix, parts)];
  }
  const names = entrance.settings.map(({ setting }) => setting).join(', ');
  return [level('mta', `no ACL (${names}) uses ${file}`, fix, parts)];
}

function entranceFix({ settings, statements }: Entrance): string {
  const { setting, acl } = settings[0] as Entrance['settings'][number];
  if (acl !== '') return putFirst(acl, statements);
  const name = setting === LOCAL_ACL ? 'acl_postern_local' : 'acl_postern_data';
  return `set in the main section: ${setting} = ${name}\nadd after "begin acl", then restart Exim:\n${name}:\n${statements}\n  accept`;
}

/** Exim reads it as its own user and defers everybody's mail while it cannot. */
function checkReadable(file: string): Finding[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.uid !== 0 || stats.gid !== 0 || (stats.mode & 0o004) !== 0)
    return [];
  return [wrong('mta', `only root can read ${file}, Exim cannot`, `chown Debian-exim ${file}`)];
}

function checkLog(config: Config, settings: ReadonlyMap<string, string>): Finding[] {
  const path = listItems(settings.get('log_file_path') ?? '').find((item) => item.startsWith('/'));
  const file = path?.replaceAll('%s', 'main');
  if (file === undefined || /%[DM]/.test(file) || config.logs.includes(file)) return [];
  return [wrong('mta', `Exim logs to ${file}, which is not one of logs`, `logs: [${file}]`)];
}
