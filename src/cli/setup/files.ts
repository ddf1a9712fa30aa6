/**
 * Whether the running account may read the logs and write what Postern writes. Opens nothing for writing,
 * creates nothing.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import type { Config } from '../../config.ts';
import type { MailRoute } from '../../notify/mail.ts';
import { trustProblems } from '../../step.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { findProgram, isExecutable } from './programs.ts';

const REACH_TIMEOUT = 3000;

/** Files that take blocks in this configuration, with the option that names each. */
export function targetFiles(config: Config): { readonly key: string; readonly file: string }[] {
  const { postfix, exim } = config.targets;
  if (config.mta === 'exim')
    return [
      { key: 'targets.exim.blockedUsers', file: exim.blockedUsers },
      { key: 'targets.exim.blockedSenders', file: exim.blockedSenders },
    ];
  return (['user', 'client', 'sender', 'uid'] as const).flatMap((name) => {
    const file = postfix[name]?.file;
    return file === undefined ? [] : [{ key: `targets.postfix.${name}.file`, file }];
  });
}

/** Logs, database, target files and their folders. */
export function checkFiles(config: Config): Finding[] {
  const findings = [
    ...config.logs.map(checkLog),
    checkWritable('database', config.database),
    ...(config.mode === 'observe'
      ? []
      : targetFiles(config).map(({ key, file }) => checkWritable(key, file))),
    ...checkCommands(config),
    ...(config.enforcer === 'separate' ? checkTrust(config) : []),
  ];
  return findings;
}

/** What `postern enforce` looks at before it writes anything as root. */
function checkTrust(config: Config): Finding[] {
  return trustProblems(config).map((problem) =>
    wrong('files', `enforcer: ${problem}`, 'let it belong to root, and nobody else write to it'),
  );
}

function checkLog(path: string): Finding {
  const reason = denied(path, constants.R_OK);
  if (reason === undefined && statSync(path).isFile())
    return ok('files', `logs: ${path} can be read`);
  return wrong(
    'files',
    `logs: ${path} ${reason ?? 'is no file'}`,
    reason === ABSENT
      ? 'name the log that the mail server writes; if it logs to the journal only, let it write a file'
      : `let ${account()} read it, for instance through the group adm`,
  );
}

const ABSENT = 'does not exist';

function denied(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return ABSENT;
    return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `${mode === constants.R_OK ? 'cannot be read' : 'cannot be written'} by ${account()}`
      : `cannot be looked at: ${code}`;
  }
}

function account(): string {
  return `uid ${process.getuid?.() ?? 'unknown'}`;
}

/** A file is replaced by renaming, so its folder has to be writable too. */
function checkWritable(key: string, file: string): Finding {
  const folder = dirname(file);
  const reason = denied(folder, constants.W_OK | constants.X_OK);
  if (reason === ABSENT)
    return wrong('files', `${key}: the folder ${folder} ${reason}`, `mkdir -p ${folder}`);
  if (reason !== undefined)
    return wrong(
      'files',
      `${key}: the folder ${folder} ${reason}`,
      `run as the account of the service, or let ${account()} write there`,
    );
  const own = denied(file, constants.R_OK | constants.W_OK);
  if (own !== undefined && own !== ABSENT)
    return wrong('files', `${key}: ${file} ${own}`, `chown or chmod ${file}`);
  return ok('files', `${key}: ${file} can be written`);
}

function checkCommands(config: Config): Finding[] {
  const { postfix } = config.targets;
  const { commands } = config;
  const used: readonly (readonly [string, readonly string[]])[] =
    config.mta === 'exim'
      ? [['commands.exim', commands.exim]]
      : [
          ['commands.postsuper', commands.postsuper],
          ['commands.postqueue', commands.postqueue],
          ['targets.postfix.postmap', postfix.postmap],
          ['targets.postfix.reload', postfix.reload],
        ];
  return used.flatMap(([key, [program]]) =>
    program === undefined || findProgram(program) !== undefined
      ? []
      : [wrong('files', `${key}: there is no program ${program}`, 'name it with its full path')],
  );
}

/** Whether notices can leave: the program is there, the host answers, the password file is private. */
export async function checkNotify(config: Config): Promise<Finding[]> {
  const { notify } = config;
  if (notify === undefined)
    return [warning('notify', 'nobody is told of blocks', 'notify: { to: abuse@YOUR.DOMAIN }')];
  const to = notify.to.join(', ');
  if (notify.transport.kind === 'sendmail') {
    const { path } = notify.transport;
    return isExecutable(path)
      ? [ok('notify', `mail to ${to} leaves through ${path}`)]
      : [
          wrong(
            'notify',
            `notify.sendmail: ${path} is no program that ${account()} may run`,
            'name the sendmail program, or use smtp',
          ),
        ];
  }
  return [...checkPassword(notify.transport), await checkServer(notify.transport, to)];
}

type Smtp = Extract<MailRoute, { kind: 'smtp' }>;

function checkPassword({ passwordFile }: Smtp): Finding[] {
  if (passwordFile === undefined) return [];
  const reason = denied(passwordFile, constants.R_OK);
  if (reason !== undefined)
    return [
      wrong(
        'notify',
        `notify.smtp.passwordFile: ${passwordFile} ${reason}`,
        'write the password into its first line',
      ),
    ];
  if (readFileSync(passwordFile, 'utf8').split('\n', 1)[0] === '')
    return [
      wrong(
        'notify',
        `notify.smtp.passwordFile: the first line of ${passwordFile} is empty`,
        'write the password there',
      ),
    ];
  return (statSync(passwordFile).mode & 0o007) === 0
    ? []
    : [
        wrong(
          'notify',
          `notify.smtp.passwordFile: everybody can read ${passwordFile}`,
          `chmod 600 ${passwordFile}`,
        ),
      ];
}

/** A mail server that is down for a while is no mistake in the configuration. */
function checkServer({ host, port }: Smtp, to: string): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: REACH_TIMEOUT });
    const end = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    const fails = (why: string) =>
      end(
        warning(
          'notify',
          `notify.smtp: ${host}:${port} does not answer (${why})`,
          'start that server, or correct host and port; notices wait until then',
        ),
      );
    socket.on('connect', () => end(ok('notify', `mail to ${to} leaves through ${host}:${port}`)));
    socket.on('timeout', () => fails('timeout'));
    socket.on('error', (error) => fails(errnoOf(error) ?? error.message));
  });
}
