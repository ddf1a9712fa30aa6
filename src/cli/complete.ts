/**
 * `postern __complete WORD...`: how the last word may go on, for the scripts of completion.ts. Prints `word TAB meaning`,
 * one a line, or `:files` or `:folders`, which the shell knows itself. Whatever fails prints nothing: the user is typing.
 */
import type { Argument, Option } from 'commander';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { HELP } from './help.ts';
import type { Io } from './io.ts';
import { type Entry, listEntryOptions } from './program.ts';

/** A word, and what it means if that is worth saying. */
type Candidate = readonly [word: string, meaning?: string | undefined];

export async function runComplete(
  commands: readonly Entry[],
  words: readonly string[],
  io: Io,
): Promise<ExitStatus> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const candidates = await listCandidates(commands, before, current).catch(() => []);
  for (const [word, meaning] of candidates) {
    if (word.startsWith(':') || word.startsWith(current))
      io.stdout(meaning === undefined ? `${word}\n` : `${word}\t${meaning}\n`);
  }
  return EXIT.done;
}

async function listCandidates(
  commands: readonly Entry[],
  [name, ...before]: readonly string[],
  current: string,
): Promise<readonly Candidate[]> {
  if (name === undefined) return listCommands(commands);
  if (name === HELP.usage) return before.length > 0 ? [] : await listHelp(commands);
  const entry = commands.find(({ usage }) => usage === name);
  if (entry === undefined) return [];
  const options = listEntryOptions(entry).filter(({ hidden }) => !hidden);
  const typed = readWords(options, before);
  const [flag, value] = current.split('=', 2);
  const option = typed.open ?? (value === undefined ? undefined : findOption(options, flag));
  if (option !== undefined) {
    const values = await listValues(option, typed.given);
    const prefix = typed.open === undefined ? `${flag}=` : '';
    return values.map(([word, meaning]) => [isShells(word) ? word : prefix + word, meaning]);
  }
  if (current.startsWith('-'))
    return options.map(({ long, description }) => [`${long}`, description]);
  return await listArguments(entry, typed.count, typed.given);
}

/** What the words of a command line say so far. */
interface Typed {
  /** the option whose value comes next */
  readonly open: Option | undefined;
  /** arguments that are complete */
  readonly count: number;
  /** which configuration is meant */
  readonly given: Given;
}

interface Given {
  readonly config?: string;
  readonly instance?: string;
}

function readWords(options: readonly Option[], words: readonly string[]): Typed {
  const given: Record<string, string> = {};
  let open: Option | undefined;
  let count = 0;
  for (const word of words) {
    const [flag, value] = word.split('=', 2);
    if (open !== undefined) {
      given[open.name()] = word;
      open = undefined;
      continue;
    }
    if (!word.startsWith('-')) count += 1;
    const option = findOption(options, flag);
    if (option === undefined) continue;
    if (value !== undefined) given[option.name()] = value;
    else if (option.required) open = option;
  }
  return { open, count, given };
}

function findOption(options: readonly Option[], flag: string | undefined): Option | undefined {
  return options.find(({ long, short }) => flag !== undefined && (flag === long || flag === short));
}

function listCommands(commands: readonly Entry[]): Candidate[] {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  return [
    ...shown.map(({ usage, summary }): Candidate => [usage, summary]),
    [HELP.usage, HELP.summary],
    ['--help', 'print help'],
    ['--version', 'print the version'],
  ];
}

async function listHelp(commands: readonly Entry[]): Promise<Candidate[]> {
  const { listTopics } = await import('./topics.ts');
  const names = commands.filter(({ hidden }) => hidden !== true).map(({ usage }) => usage);
  return [...new Set([...names, ...listTopics()])].sort().map((word) => [word]);
}

async function listArguments(entry: Entry, count: number, given: Given): Promise<Candidate[]> {
  const last = entry.args?.at(-1);
  const argument = entry.args?.[count] ?? (last?.variadic === true ? last : undefined);
  if (argument === undefined) return [];
  if (entry.completes === 'blocks') return await listBlocked(given);
  return listChoices(argument.argChoices) ?? listPaths(argument.name());
}

async function listValues(option: Option, given: Given): Promise<Candidate[]> {
  if (option.long === '--of') return await listBlocked(given);
  if (option.long === '--instance') return await listInstances(given);
  return listChoices(option.argChoices) ?? listPaths(option.flags);
}

function listChoices(choices: Argument['argChoices']): Candidate[] | undefined {
  return choices?.map((word) => [word]);
}

/** What the shell lists itself, by the name that help shows: `<file>`, `<dir>`. */
function listPaths(name: string): Candidate[] {
  if (/\bfile\b/.test(name)) return [[FILES]];
  return /\bdir\b/.test(name) ? [[FOLDERS]] : [];
}

const FILES = ':files';
const FOLDERS = ':folders';

function isShells(word: string): boolean {
  return word === FILES || word === FOLDERS;
}

async function listInstances({ config }: Given): Promise<Candidate[]> {
  const { openConfigs } = await import('../config/load.ts');
  return openConfigs(config)
    .flatMap(({ config: { instance } }) => instance ?? [])
    .map((name) => [name]);
}

/** Who is blocked now, and by what. */
async function listBlocked({ config, instance }: Given): Promise<Candidate[]> {
  const { listRunningBlocks } = await import('./blocks.ts');
  const { formatIdentity } = await import('../model/identity.ts');
  const choice = instance === undefined ? config : { file: config, instance };
  return listRunningBlocks(choice).map(({ key, cause }) => [formatIdentity(key), cause]);
}
