/** Runs a command line with a table of commands: help is made from it, and failures become exit statuses. */
import { type Argument, Command, CommanderError, Option } from 'commander';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { addHelp } from './help.ts';
import type { Io } from './io.ts';
import { version } from './version.ts';

/** One command. */
export interface Entry {
  /** name and arguments, as commander reads them */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly Option[];
  readonly args?: readonly Argument[];
  /** takes --format text|json, or one of these; the first is the default */
  readonly format?: true | readonly string[];
  /** what its exit statuses mean, 0 first; default: STATUSES */
  readonly statuses?: readonly string[];
  /** false: takes no --config, because it uses no configuration */
  readonly config?: false;
  /** false: takes no --instance, because it is about all or none */
  readonly instance?: false;
  /** without --instance, it runs for each instance in turn */
  readonly eachInstance?: boolean;
  /** needs the database and no rights: root becomes the owner of the database first */
  readonly asOwner?: boolean;
  /** for programs, not for people: help and manual leave it out */
  readonly hidden?: boolean;
  /** its arguments are identities that are blocked now: shells complete them */
  readonly completes?: 'blocks';
  run(args: readonly never[], options: never, io: Io): Promise<ExitStatus> | ExitStatus;
  /** Runs words in the form of another program; undefined if they are not. */
  runForeign?(words: readonly string[], io: Io): Promise<ExitStatus> | undefined;
}

/** Runs one command line (without `node` and the name of the script) and returns its exit status. */
export async function runProgram(
  commands: readonly Entry[],
  argv: readonly string[],
  io: Io,
): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.done;
  const program = buildProgram(commands, io, (result) => {
    status = result;
  });
  try {
    const [name, ...words] = argv;
    const foreign = commands.find(({ usage }) => usage === name)?.runForeign?.(words, io);
    if (foreign !== undefined) return await foreign;
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    return await reportFailure(error, io);
  }
}

function buildProgram(
  commands: readonly Entry[],
  io: Io,
  done: (status: ExitStatus) => void,
): Command {
  const program = new Command('postern')
    .description('Finds accounts that send mail to addresses which do not exist, and blocks them.')
    .version(version())
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showHelpAfterError('(postern --help lists the commands)');
  for (const entry of commands) addCommand(program, entry, io, done);
  addHelp(program);
  return program;
}

function addCommand(
  program: Command,
  entry: Entry,
  io: Io,
  done: (status: ExitStatus) => void,
): void {
  const command = program
    .command(entry.usage, { hidden: entry.hidden === true })
    .description(entry.summary);
  command.showHelpAfterError(`(postern ${command.name()} --help shows how it is used)`);
  for (const argument of entry.args ?? []) command.addArgument(argument);
  for (const option of listEntryOptions(entry)) command.addOption(option);
  command.addHelpText('after', describeStatuses(entry.statuses ?? STATUSES));
  command.action(async (...given: unknown[]) => {
    const args = given.slice(0, -2) as never[];
    const work = (options: object, out: Io) => entry.run(args, options as never, out);
    const { runForInstances } = await import('./instances.ts');
    const { color, ...options } = command.opts();
    const { withColour } = await import('./io.ts');
    done(await runForInstances(entry, work, options, withColour(io, color)));
  });
}

/** All options of a command: those that many commands have, and its own. */
export function listEntryOptions(entry: Entry): Option[] {
  const options: Option[] = [];
  if (entry.config !== false) {
    options.push(
      new Option('--config <file>', 'configuration file; default: /etc/postern/postern.yaml'),
    );
  }
  if (entry.config !== false && entry.instance !== false) {
    options.push(
      new Option('--instance <name>', 'which instance, if the configuration has several'),
    );
  }
  if (entry.format !== undefined) {
    const formats = entry.format === true ? ['text', 'json'] : entry.format;
    options.push(
      new Option('--color <when>', 'colours: auto is on a terminal, unless NO_COLOR is set')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
      new Option('--format <format>', 'form of the output').choices(formats).default(formats[0]),
    );
  }
  return [...options, ...(entry.options ?? [])];
}

/** By number. */
export const STATUSES = ['done', 'it failed', 'wrong usage or configuration'];

function describeStatuses(statuses: readonly string[]): string {
  const lines = statuses.map((meaning, status) => `  ${status}  ${meaning}`);
  return `\nExit status:\n${lines.join('\n')}`;
}

/** Prints a failure that an operator can do something about; throws on any other one, which is a bug of ours. */
async function reportFailure(error: unknown, io: Io): Promise<ExitStatus> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const known = (await import('../store/failure.ts')).asFailure(error);
  if (known === undefined) throw error;
  io.stderr(`postern: ${known.message}\n`);
  return known.exitStatus;
}
