/** The table of commands, and how a command line is run with it. */
import { Argument, Option } from 'commander';
import type { ExitStatus } from '../base/errors.ts';
import { ADDRESSES } from './groups/addresses.ts';
import { BLOCKS } from './groups/blocks.ts';
import { DATA } from './groups/data.ts';
import { HELPERS } from './groups/helpers.ts';
import { LOGS } from './groups/logs.ts';
import { SERVICES } from './groups/services.ts';
import { SETUP } from './groups/setup.ts';
import type { Io } from './io.ts';
import { type Entry, runProgram } from './program.ts';
import { version } from './version.ts';

/** Runs command lines for its users. */
const WEB: Entry = {
  usage: 'web',
  summary: 'serve the page for operators (a service of its own), or say who may use it',
  args: [
    new Argument('[action]', 'password: set one; remove: of a user; users: list them').choices([
      'password',
      'remove',
      'users',
    ]),
    new Argument('[name]', 'of the user'),
  ],
  options: [
    new Option(
      '--role <role>',
      'password: what the user may do; default: as before, or view',
    ).choices(['view', 'act']),
    new Option('--proxy', 'password: set none, because the reverse proxy names this user'),
  ],
  run: async (words, options, io) =>
    (await import('./web.ts')).runWeb(words, options, { io, main, version: version() }),
};

/** Knows all commands. */
const COMPLETE: Entry = {
  usage: '__complete',
  config: false,
  hidden: true,
  summary: 'print how the last word may go on; started by shells',
  runForeign: async (words, io) => (await import('./complete.ts')).runComplete(COMMANDS, words, io),
  run: () => 0,
};

/** Every command, in the order of `postern help`. Its code is loaded when it runs, so that small commands start fast. */
export const COMMANDS: readonly Entry[] = [
  ...SERVICES,
  WEB,
  ...SETUP,
  ...BLOCKS,
  ...LOGS,
  ...DATA,
  ...ADDRESSES,
  ...HELPERS,
  COMPLETE,
];

/** Runs one command line (without `node` and the name of the script) and returns its exit status. */
export function main(argv: readonly string[], io: Io): Promise<ExitStatus> {
  return runProgram(COMMANDS, argv, io);
}
