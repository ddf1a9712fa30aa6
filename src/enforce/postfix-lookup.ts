/**
 * Looks up in a Postfix table what smtpd looks up: with `postmap -q -`, so that lines which an operator wrote count as
 * Postfix reads them, patterns and networks too. A plain list, which postmap does not know, is read here.
 */
import { runCommand } from '../base/commands.ts';
import { dropUndefined } from '../base/defined.ts';
import { getMessage } from '../base/errors.ts';
import { isWithin } from '../model/address.ts';
import type { Block } from '../model/block.ts';
import { findCommandFailure } from './command.ts';
import { type KeyLine, listKeyLines } from './table.ts';
import type { BlockTarget, Failure, LineFormat, LookedUp } from './target.ts';
import { readTargetFile } from './target-file.ts';

type Key = Block['key'];

interface LookupOptions {
  readonly file: string;
  /** a map type of Postfix, or `list` */
  readonly type: string;
  readonly format: Pick<LineFormat, 'readKeys'> & Pick<BlockTarget, 'prepare' | 'renderEntry'>;
  /** argument vector, for instance `postmap -c DIR` */
  readonly postmap: readonly string[];
  /** ms */
  readonly timeout: number;
}

/** What is asked for one identity. */
interface Question {
  readonly key: Key;
  /** what Postfix looks up, one after the other, until it finds something */
  readonly queries: readonly string[];
  /** the key of our own line */
  readonly entry: string | undefined;
}

/** See `BlockTarget.lookUp`. */
export async function lookUpInTable(
  keys: readonly Key[],
  options: LookupOptions,
): Promise<readonly (LookedUp | undefined)[] | Failure> {
  const { file, type, format } = options;
  await format.prepare(keys.map((key) => ({ id: 0, key, cause: '', start: 0 })));
  const questions = keys.map((key) => ask(key, options));
  let lines: readonly KeyLine[] | undefined;
  try {
    const { content } = readTargetFile(file);
    if (content === undefined) return keys.map(() => undefined);
    lines = listKeyLines(format, content);
  } catch (error) {
    if (type === 'list') return { message: `${file}: ${getMessage(error)}` };
  }
  if (type === 'list') return questions.map(({ entry }) => readAnswer(lines ?? [], entry));
  const queried = await queryAll(questions, options);
  if ('message' in queried && lines === undefined) return queried;
  const answers = 'message' in queried ? readAnswers(questions, lines ?? []) : queried;
  return questions.map((question) => describeAnswer(question, answers, lines ?? []));
}

/** An account is looked up by its name, which only our own line has. */
function ask(key: Key, { type, format }: LookupOptions): Question {
  const entry = format.renderEntry(key);
  const own = 'key' in entry ? entry.key : undefined;
  return { key, entry: own, queries: key.type === 'uid' ? [own ?? ''] : listQueries(key, type) };
}

/**
 * What check_sasl_access, check_client_access and check_sender_access look up (Postfix: smtpd_check.c, check_addr_access,
 * check_mail_access, check_domain_access). Host names of clients are not known here.
 */
function listQueries({ type, id }: Key, table: string): string[] {
  const [base = ''] = id.split('/', 1);
  const isWhole = ['cidr', 'pcre', 'regexp'].includes(table);
  if (type === 'client') return isWhole ? [base] : shorten(base, /[.:][^.:]*$/);
  if (type !== 'sender' || isWhole) return [id];
  const at = id.lastIndexOf('@');
  return [id, ...shorten(id.slice(at + 1), /^[^.]*\./), id.slice(0, at + 1)];
}

/** The text, and what is left of it as long as `part` can be taken off. */
function shorten(text: string, part: RegExp): string[] {
  const rest = text.replace(part, '');
  return rest === text || rest === '' ? [text] : [text, ...shorten(rest, part)];
}

function readAnswer(lines: readonly KeyLine[], entry: string | undefined): LookedUp | undefined {
  const found = lines.find(({ keys }) => entry !== undefined && keys.includes(entry));
  return found && dropUndefined({ blocks: true, line: found.line, block: found.block });
}

/** The value of each query that the table has. */
async function queryAll(
  questions: readonly Question[],
  { postmap, type, file, timeout }: LookupOptions,
): Promise<ReadonlyMap<string, string> | Failure> {
  const queries = new Set(questions.flatMap((question) => question.queries).filter(Boolean));
  const argv = [...postmap, '-q', '-', `${type}:${file}`];
  const result = await runCommand(argv, { timeout, input: `${[...queries].join('\n')}\n` });
  // Status 1 without a message: nothing was found.
  const isAnswer = result.status === 1 && !/\b(?:fatal|panic|error):/.test(result.stderr);
  const failure = isAnswer ? undefined : findCommandFailure(argv, result, timeout);
  if (failure !== undefined) return failure;
  const answers = new Map<string, string>();
  for (const query of queries) {
    const line = `\n${result.stdout}`.split(`\n${query}\t`)[1];
    if (line !== undefined) answers.set(query, line.split('\n', 1)[0] as string);
  }
  return answers;
}

function describeAnswer(
  { key, queries, entry }: Question,
  answers: ReadonlyMap<string, string>,
  lines: readonly KeyLine[],
): LookedUp | undefined {
  const query = queries.find((each) => answers.has(each));
  if (query === undefined) return undefined;
  const text = answers.get(query) ?? '';
  const line = lines.find((each) => isAbout(each, query, entry, key));
  const blocks = key.type === 'uid' || isRefusal(text);
  return dropUndefined({ blocks, text, line: line?.line, block: line?.block });
}

/** The same as far as it can be read here, for an account that may not run postmap or read the index. */
function readAnswers(
  questions: readonly Question[],
  lines: readonly KeyLine[],
): ReadonlyMap<string, string> {
  const answers = new Map<string, string>();
  for (const { key, queries, entry } of questions) {
    for (const query of queries) {
      const line = lines.find((each) => isAbout(each, query, entry, key));
      if (line !== undefined && !answers.has(query)) answers.set(query, readAction(line));
    }
  }
  return answers;
}

function readAction({ text, keys: [key = ''] }: KeyLine): string {
  return text.slice(text.startsWith('"') ? key.length : text.search(/\s|$/)).trim();
}

function isAbout(
  { keys }: KeyLine,
  query: string,
  entry: string | undefined,
  { type, id }: Key,
): boolean {
  return keys.some(
    (listed) => listed === query || listed === entry || (type === 'client' && isWithin(id, listed)),
  );
}

/** Whether an action of access(5) holds or refuses mail, or drops it. */
function isRefusal(action: string): boolean {
  return /^(?:HOLD|REJECT|DEFER|DISCARD|[45]\d\d)/i.test(action);
}
