#!/usr/bin/env node
/** Entry point: the table of commands, and what becomes of their failures. Help is made from the table. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Argument, Command, CommanderError, Option } from 'commander';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { addHelp } from './help.ts';
import { type Io, processIo } from './io.ts';
import { version } from './version.ts';

interface Entry {
  /** name and arguments as commander reads them */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly Option[];
  readonly args?: readonly Argument[];
  /** takes --format text|json, or one of these */
  readonly format?: true | readonly string[];
  /** false: takes no --config, because it uses no configuration */
  readonly config?: false;
  /** needs the database and no rights: root becomes the owner of the database first */
  readonly asOwner?: boolean;
  run(args: readonly never[], options: never, io: Io): Promise<ExitStatus> | ExitStatus;
}

const mta = () =>
  new Option(
    '--mta <mta>',
    'the mail server that wrote the log; told by each line when not given',
  ).choices(['postfix', 'exim']);
const zone = () =>
  new Option(
    '--zone <zone>',
    "time zone of stamps that name none (Europe/Berlin, +01:00); default this host's",
  );
const files = () => new Argument('<file...>', "log files, plain or gzip'd; - is standard input");
/** What `timeOf` (typed.ts) reads. */
const TIMES = '2026-11-01, 2026-11-01T09:00 (configured zone) or 2026-11-01T09:00:00Z';
const since = (more = '') =>
  new Option('--since <time>', `from then on: 24h (that long ago), ${TIMES}${more}`);
const until = (more = '') => new Option('--until <time>', `likewise, exclusive${more}`);
const identity = (more = '') => new Argument('<id>', `alice@example.net, 192.0.2.7, uid:33${more}`);

/** Every command, in the order of `postern help`. Code is loaded when its command is run, so that small ones start fast. */
export const COMMANDS: readonly Entry[] = [
  {
    usage: 'run',
    summary: 'follow the log, detect, block, notify (the service)',
    run: async (_args, options) => (await import('./run.ts')).runRun(options, version()),
  },
  {
    usage: 'enforce',
    summary: 'write the block files for a service without root (enforcer: separate)',
    options: [
      new Option('--once', 'bring into force what is wanted now, and end'),
      new Option('--reader', 'the half without rights; started by the other one').hideHelp(),
    ],
    run: async (_args, options) => (await import('./enforce.ts')).runEnforce(options),
  },
  {
    usage: 'init',
    format: true,
    summary:
      'find the mail server and its log, write a configuration, print what to add to the mail server',
    options: [
      mta(),
      new Option('--output <file>', 'write the configuration there; the same as --config'),
      new Option('--force', 'replace a configuration that exists'),
      new Option('--notify <address>', 'who is told about blocks, usually the abuse address'),
      new Option('--observe', 'begin in observe mode: the mail server is not touched'),
      new Option('--policy', 'with the policy service, which also stops a session that is open'),
      new Option('--postfix-config <dir>', 'Postfix configuration folder (postconf -c)'),
      new Option('--exim-binary <file>', 'Exim program'),
      new Option('--exim-config <file>', 'Exim configuration file (exim -C)'),
    ],
    run: async (_args, options, io) => (await import('./init.ts')).runInit(options, io),
  },
  {
    usage: 'check',
    summary: 'configuration, rules, permissions and the wiring of the mail server',
    format: true,
    options: [
      new Option('--postfix-config <dir>', 'Postfix configuration folder (postconf -c)'),
      new Option('--exim-binary <file>', 'Exim program'),
      new Option('--exim-config <file>', 'Exim configuration file (exim -C)'),
    ],
    run: async (_args, options, io) => (await import('./init.ts')).runCheck(options, io),
  },
  {
    usage: 'status',
    asOwner: true,
    summary: 'is it running, how far behind, what is blocked, what is failing',
    format: true,
    run: async (_args, options, io) => (await import('./status.ts')).runStatus(options, io),
  },
  {
    usage: 'blocks',
    asOwner: true,
    summary: 'list blocks',
    format: true,
    options: [new Option('--all', 'ended ones, too')],
    run: async (_args, options, io) => (await import('./blocks.ts')).runBlocks(options, io),
  },
  {
    usage: 'block',
    asOwner: true,
    summary: 'shut someone out by hand',
    format: true,
    args: [identity(', sender:alice@example.net')],
    options: [
      new Option('--for <duration>', 'how long, 1h or 7d; default until released'),
      new Option('--note <text>', 'why, for your colleagues'),
    ],
    run: async ([id], options, io) =>
      (await import('./block.ts')).runBlock(id as never, options, io),
  },
  {
    usage: 'unblock',
    asOwner: true,
    summary: 'end a block; what happened before does not count again',
    format: true,
    args: [identity(', sender:alice@example.net')],
    run: async ([id], options, io) =>
      (await import('./block.ts')).runUnblock(id as never, options, io),
  },
  {
    usage: 'explain',
    asOwner: true,
    summary: 'the evidence: which rule, which lines, which recipients, from where, when',
    format: true,
    args: [new Argument('<id>', 'an identity, or the number of a block')],
    run: async ([id], options, io) =>
      (await import('./explain.ts')).runExplain(id as never, options, io),
  },
  {
    usage: 'queue',
    summary: 'queued mail of a submitter: list, hold, release, delete',
    format: true,
    args: [identity()],
    options: [
      new Option('--hold', 'hold or freeze it'),
      new Option('--release', 'release or thaw it'),
      new Option('--delete', 'delete it'),
    ],
    run: async ([id], options, io) =>
      (await import('./queue.ts')).runQueue(id as never, options, io),
  },
  {
    usage: 'events',
    asOwner: true,
    summary: 'query stored events',
    format: true,
    options: [
      since(),
      until(),
      new Option('--of <id>', 'of this submitter or client'),
      new Option('--kind <kinds>', 'bounced,rejected,...'),
      new Option('--reason <reasons>', 'invalid-recipient,... or invalid'),
      new Option('--queue-id <id>', 'of this message'),
      new Option('--recipient <address>', 'to this recipient'),
      new Option('--limit <number>', 'only the newest so many'),
    ],
    run: async (_args, options, io) => (await import('./events.ts')).runEvents(options, io),
  },
  {
    usage: 'watch',
    summary: 'events as they happen',
    format: true,
    run: async (_args, options, io) =>
      (await import('./watch.ts')).runWatch(options, io, untilInterrupted()),
  },
  {
    usage: 'parse',
    summary: 'events of log files as JSON, one a line; keeps no state',
    args: [files()],
    format: true,
    options: [mta(), zone()],
    run: async ([names], options, io) =>
      (await import('./parse.ts')).runParse(names as never, options, io),
  },
  {
    usage: 'classify',
    summary: 'SMTP replies to {reply, code, status, reason}',
    config: false,
    args: [new Argument('[reply...]', 'replies; without any, one a line on standard input')],
    format: true,
    run: async ([replies], _options, io) =>
      (await import('./classify.ts')).runClassify(replies as never, io),
  },
  {
    usage: 'replay',
    summary: 'what the rules would have done with these logs, and who came close',
    args: [files()],
    format: true,
    options: [
      mta(),
      zone(),
      new Option('--rules <dir>', 'rules to use instead of the configured ones'),
    ],
    run: async ([names], options, io) =>
      (await import('./replay.ts')).runReplay(names as never, options, io),
  },
  {
    usage: 'report',
    asOwner: true,
    summary: 'a period in text, JSON or HTML',
    format: ['text', 'json', 'html'],
    options: [
      since('; default 24h'),
      until('; default now'),
      new Option('--mail', 'send it to the abuse address'),
    ],
    run: async (_args, options, io) => (await import('./report.ts')).runReport(options, io),
  },
  {
    usage: 'demo',
    config: false,
    summary: 'the whole pipeline in a scratch folder on a bundled log',
    options: [new Option('--no-keep', 'delete the scratch folder at the end')],
    run: async (_args, options, io) => (await import('./demo.ts')).runDemo(options, io),
  },
];

/** Runs one command line (without `node` and the script's name) and gives its exit status. */
export async function main(argv: readonly string[], io: Io): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.done;
  const program = buildProgram(io, (result) => {
    status = result;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    return await reportFailure(error, io);
  }
}

function buildProgram(io: Io, done: (status: ExitStatus) => void): Command {
  const program = new Command('postern')
    .description('Finds the account that mails addresses which do not exist, and shuts it out.')
    .version(version())
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showHelpAfterError('(postern --help lists the commands)');
  for (const entry of COMMANDS) addCommand(program, entry, io, done);
  addHelp(program);
  return program;
}

function addCommand(
  program: Command,
  entry: Entry,
  io: Io,
  done: (status: ExitStatus) => void,
): void {
  const command = program.command(entry.usage).description(entry.summary);
  for (const argument of entry.args ?? []) command.addArgument(argument);
  if (entry.config !== false) {
    command.addOption(
      new Option('--config <file>', 'configuration file; default /etc/postern/postern.yaml'),
    );
  }
  if (entry.format !== undefined) {
    const formats = entry.format === true ? ['text', 'json'] : entry.format;
    command.addOption(
      new Option('--format <format>', 'how to print').choices(formats).default('text'),
    );
  }
  for (const option of entry.options ?? []) command.addOption(option);
  command.action(async (...given: unknown[]) => {
    if (entry.asOwner === true)
      (await import('./owner.ts')).becomeDatabaseOwner(command.opts().config);
    done(await entry.run(given.slice(0, -2) as never[], command.opts() as never, io));
  });
}

/** A usage or configuration error is status 2, an expected failure 1; a bug of ours is thrown on. */
async function reportFailure(error: unknown, io: Io): Promise<ExitStatus> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const known = (await import('../store/failure.ts')).asFailure(error);
  if (known === undefined) throw error;
  io.stderr(`postern: ${known.message}\n`);
  return known.exitStatus;
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort());
  return controller.signal;
}

if (
  process.argv[1] !== undefined &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
) {
  process.exit(await main(process.argv.slice(2), processIo));
}
