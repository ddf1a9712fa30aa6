/**
 * The configuration with which `postern check` tries Exim: the one that Exim has printed, with a spool, a log and block
 * files of its own, so that a trial leaves no trace and no message leaves. Pure.
 */
import { bracedAfter, withSpool } from './acls.ts';

/** The mechanism by which a trial logs in, without a password. */
export const TRIAL_MECHANISM = 'X-POSTERN-CHECK';

export interface TrialFiles {
  /** value of `$spool_directory` in the configuration as it is */
  readonly spool: string;
  /** the scratch folder; the spool is `spool` in it, the log `log` */
  readonly folder: string;
  /** the copy of a file that the configuration names; undefined when the file stays what it is */
  copyOf(path: string): string | undefined;
}

/** Main options that are replaced, or that would get in the way of a login without a password. */
const REPLACED =
  'spool_directory|log_file_path|pid_file_path|process_log_path|queue_only|queue_only_override|exim_path|freeze_tell|auth_advertise_hosts|acl_smtp_auth';
const REPLACED_OPTION = new RegExp(`^\\s*(?:hide\\s+)?(?:no_|not_)?(?:${REPLACED})\\s*(?:=|$)`);
/** Macros have been expanded already. */
const MACRO = /^\s*[A-Z]\w*\s*==?/;
const PATH = /\/[\w.+@-][\w.+@/-]*/g;

/** `printed` is the output of `exim -bP config`. */
export function trialConfiguration(printed: string, files: TrialFiles): string {
  const lines = printed.split('\n').filter((line) => !line.startsWith('#'));
  const begin = lines.findIndex((line) => /^\s*begin\s/.test(line));
  const end = begin < 0 ? lines.length : begin;
  const main = lines
    .slice(0, end)
    .filter((line) => !REPLACED_OPTION.test(line) && !MACRO.test(line));
  const rest = [...main, ...lines.slice(end)].map((line) => inTrial(line, files));
  // Ours come first: a mistake in the rest is then reported to our log.
  return withAuthenticator([...ownOptions(files.folder), ...rest].join('\n'));
}

/**
 * Nothing is delivered, whatever the command line and the other options say. Exim would start a new Exim, which reads
 * the configuration of the system, to report a message that was frozen or not understood: it finds no program.
 */
function ownOptions(folder: string): string[] {
  return [
    `spool_directory = ${folder}/spool`,
    `log_file_path = ${folder}/log/%slog`,
    `pid_file_path = ${folder}/pid`,
    'queue_only = true',
    'queue_only_override = false',
    'exim_path = /bin/false',
    'freeze_tell =',
    'auth_advertise_hosts = *',
  ];
}

/** What a message has in its header if Exim would pass it on while it comes in, which freezing cannot prevent. */
export const CUTTHROUGH = 'X-Postern-Check: cutthrough';

/** A line with the copies of the block files, that asks no other server, passes no message on and runs nothing. */
function inTrial(line: string, { spool, copyOf }: TrialFiles): string {
  if (/^\s*(?:\w+\s+)?control\s*=\s*cutthrough_delivery\b/.test(line))
    return line.replace(/control\s*=.*/, `add_header = ${CUTTHROUGH}`);
  const quiet = /^\s*(?:\w+\s+)?!?\s*verify\s*=/.test(line)
    ? line.replace(/\/\s*callout\b(?:\s*=[^/]*)?/g, '')
    : line;
  return withSpool(withoutCommands(quiet), spool).replaceAll(PATH, (path) => copyOf(path) ?? path);
}

/** A command may do anything, such as mail a warning to somebody: each is replaced by one that succeeds. */
function withoutCommands(line: string): string {
  return [...line.matchAll(/\$\{run\b[^{}]*(?=\{)/g)].reduceRight((text, { index, 0: word }) => {
    const start = index + word.length;
    const [command] = bracedAfter(text, start);
    if (command === undefined) return text;
    return `${text.slice(0, start)}{/bin/true}${text.slice(start + command.length + 2)}`;
  }, line);
}

function withAuthenticator(text: string): string {
  const ours = `postern_check:\n  driver = plaintext\n  public_name = ${TRIAL_MECHANISM}\n  server_prompts = login\n  server_condition = yes\n  server_set_id = $auth1\n`;
  const heading = /^\s*begin\s+authenticators\s*$/m;
  if (heading.test(text)) return text.replace(heading, (line) => `${line}\n${ours}`);
  return `${text}\nbegin authenticators\n${ours}`;
}
