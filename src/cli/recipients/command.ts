/** `postern recipients`: what is known of recipients, by the milter's database. Works while the milter runs. */
import { EXIT, type ExitStatus, PosternError } from '../../base/errors.ts';
import { replaceFile } from '../../base/files.ts';
import { counted } from '../../base/text.ts';
import { formatBackListLine } from '../../recipients/back-list.ts';
import { csvRow } from '../csv.ts';
import type { Io } from '../io.ts';
import { parseCount, parsePeriod } from '../typed.ts';
import { readAddresses, toBytes, toText } from './address.ts';
import { COLUMNS, FORMS, isText, printCounts } from './forms.ts';
import { runImport } from './import.ts';
import { runLookup } from './lookup.ts';
import {
  type Action,
  expectNone,
  findConfig,
  type RecipientsOptions,
  type Work,
  withRecipients,
} from './work.ts';

/** Runs one of the actions; `words` are the addresses, or the file of `import`. */
export async function runRecipients(
  action: Action,
  words: readonly string[],
  options: RecipientsOptions,
  io: Io,
): Promise<ExitStatus> {
  refuseSenseless(action, options);
  const work = { ...findConfig(options), words, options, io };
  return await ACTIONS[action](work);
}

/** Which actions an option is for. */
const OPTIONS: Readonly<Partial<Record<keyof RecipientsOptions, readonly Action[]>>> = {
  since: ['list', 'export'],
  until: ['list', 'export'],
  recipient: ['list', 'export'],
  domain: ['list', 'export'],
  valid: ['list', 'export'],
  invalid: ['list', 'export'],
  limit: ['list'],
  ask: ['lookup'],
  all: ['forget'],
  output: ['export'],
};

/** Throws a PosternError (exit status 2) for an option that the action would not look at. */
function refuseSenseless(action: Action, options: RecipientsOptions): void {
  for (const [name, actions] of Object.entries(OPTIONS)) {
    if (options[name as keyof RecipientsOptions] === undefined || actions.includes(action))
      continue;
    throw new PosternError('usage', `recipients ${action}: takes no --${name}`);
  }
}

const ACTIONS: Readonly<Record<Action, (work: Work) => Promise<ExitStatus> | ExitStatus>> = {
  list: runList,
  lookup: runLookup,
  forget: runForget,
  import: runImport,
  export: runExport,
};

function runList(work: Work): ExitStatus {
  const { config, words, options, io } = work;
  expectNone(words);
  const filter = readFilter(work);
  return withRecipients(config, true, (store) => {
    let count = 0;
    if (options.format === 'csv') io.stdout(csvRow(COLUMNS));
    for (const answer of store.list(filter)) {
      count++;
      io.stdout(FORMS[options.format ?? 'text'](answer));
    }
    if (count === 0 && isText(options)) io.stdout('No recipients are known.\n');
    return EXIT.done;
  });
}

function readFilter({ options, zone }: Work) {
  const { domain, valid, invalid, limit, recipient } = options;
  if (valid === true && invalid === true)
    throw new PosternError('usage', 'recipients: name one of --valid and --invalid');
  return {
    ...(domain === undefined ? {} : { domain: toBytes(domain.replace(/^@/, '')).toLowerCase() }),
    ...(valid === true ? { isValid: true } : {}),
    ...(invalid === true ? { isValid: false } : {}),
    ...(limit === undefined ? {} : { limit: parseCount('--limit', limit) }),
    ...(recipient === undefined ? {} : { address: readAddresses([recipient])[0] as string }),
    ...parsePeriod(options, zone),
  };
}

function runForget({ config, words, options, io }: Work): ExitStatus {
  if (options.all === true) expectNone(words);
  const domains = words.filter((word) => word.startsWith('@')).map((word) => word.slice(1));
  const others = words.filter((word) => !word.startsWith('@'));
  const addresses = options.all === true ? [] : others.length > 0 ? readAddresses(others) : [];
  if (options.all !== true && words.length === 0)
    throw new PosternError('usage', 'recipients forget: name addresses, @domains, or --all');
  return withRecipients(config, true, (store) => {
    const ofDomains = domains.map((name) => store.forgetAll(toBytes(name).toLowerCase()));
    const count =
      options.all === true
        ? store.forgetAll()
        : store.forget(addresses) + ofDomains.reduce((sum, one) => sum + one, 0);
    printCounts({ forgotten: count }, `${counted(count, 'recipient')} forgotten.\n`, {
      options,
      io,
    });
    return EXIT.done;
  });
}

/** As text, the lines of a BackList. */
function runExport(work: Work): ExitStatus {
  const { config, words, options, io } = work;
  expectNone(words);
  const filter = readFilter(work);
  return withRecipients(config, true, (store) => {
    const forms = { ...FORMS, text: formatBackListLine };
    const lines = function* () {
      if (options.format === 'csv') yield csvRow(COLUMNS);
      for (const answer of store.list(filter)) yield forms[options.format ?? 'text'](answer);
    };
    const isBytes = isText(options);
    if (options.output === undefined)
      for (const line of lines()) io.stdout(isBytes ? toText(line) : line);
    else
      replaceFile(options.output, Buffer.from([...lines()].join(''), isBytes ? 'latin1' : 'utf8'));
    return EXIT.done;
  });
}
