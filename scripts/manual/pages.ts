/** The manual pages as Markdown: from the table of commands, from the schema of the configuration, and from docs/. */
import { readFileSync } from 'node:fs';
import type { Argument, Option } from 'commander';
import { COMMANDS } from '../../src/cli/commands.ts';
import { type Entry, listEntryOptions, STATUSES } from '../../src/cli/program.ts';
import { describeConfig, listOptions } from '../../src/config/describe.ts';
import { configSchema } from '../../src/config/schema.ts';

export interface ManualPage {
  /** the file without its section: `postern.yaml` */
  readonly name: string;
  readonly section: number;
  readonly markdown: string;
}

/**
 * `postern` is in section 8, because Debian's policy (12.1) puts what only an administrator runs there: it reads the log
 * of the mail server and changes its tables.
 */
export function listPages(): ManualPage[] {
  return [
    { name: 'postern', section: 8, markdown: describeProgram() },
    { name: 'postern-milter', section: 8, markdown: describeMilter() },
    { name: 'postern.yaml', section: 5, markdown: describeFile() },
    { name: 'postern-rules', section: 7, markdown: describeRules() },
  ];
}

function describeProgram(): string {
  return [
    name('postern', 'find stolen mail accounts in the log of Postfix or Exim, and block them'),
    section('Synopsis', '`postern` *command* [*option* ...] [*argument* ...]'),
    section('Description', DESCRIPTION),
    `## Commands\n\n${VISIBLE.map(describeCommand).join('\n\n')}`,
    section(
      'Exit status',
      table(STATUSES.map((meaning, status) => [`${status}`, escapeMarkdown(meaning)])),
    ),
    section('Files', table(FILES)),
    section('Examples', EXAMPLES),
    seeAlso(
      '`postern.yaml`(5), `postern-rules`(7), `postern-milter`(8), `postmap`(1), `postsuper`(1), `exim4`(8)',
    ),
  ].join('\n\n');
}

const VISIBLE = COMMANDS.filter(({ hidden }) => hidden !== true);

function describeMilter(): string {
  const entry = VISIBLE.find(({ usage }) => usage === 'milter') as Entry;
  const { intro, rest } = split(readFileSync('docs/milter.md', 'utf8'));
  return [
    name('postern-milter', 'answer Postfix or Sendmail during the SMTP dialogue'),
    section('Synopsis', '`postern milter` [*option* ...]'),
    section('Description', intro),
    section('Options', describeOptions(entry)),
    rest,
    section(
      'Configuration',
      table(
        listOptions(configSchema.shape.milter, 'milter.').map(({ key, about }) => [
          `\`${key}\``,
          about,
        ]),
      ),
    ),
    seeAlso('`postern`(8), `postern.yaml`(5)'),
  ].join('\n\n');
}

function describeFile(): string {
  const { intro, rest } = split(describeConfig());
  return [
    name('postern.yaml', 'configuration of postern'),
    section('Description', intro),
    `## Sections\n\n${rest.replaceAll(/^## /gm, '### ')}`,
    seeAlso('`postern`(8), `postern-rules`(7), `postern-milter`(8)'),
  ].join('\n\n');
}

function describeRules(): string {
  const { intro, rest } = split(readFileSync('docs/rules.md', 'utf8'));
  return [
    name('postern-rules', 'rules of postern: what is counted, and when somebody is blocked'),
    section('Description', intro),
    rest,
    seeAlso('`postern`(8), `postern.yaml`(5)'),
  ].join('\n\n');
}

/** A page without its title: what comes before the first section, and the sections. */
function split(markdown: string): { readonly intro: string; readonly rest: string } {
  const text = markdown.replace(/^# .*\n+/, '');
  const at = text.search(/^## /m);
  return at < 0
    ? { intro: text, rest: '' }
    : { intro: text.slice(0, at), rest: text.slice(at).trimEnd() };
}

function describeCommand(entry: Entry): string {
  const words = [entry.usage, ...(entry.args ?? []).map(shownArgument)].join(' ');
  const parts = [`### postern ${escapeMarkdown(words)}`, `${sentence(entry.summary)}`];
  const args = (entry.args ?? []).map((argument) => [
    `*${escapeMarkdown(argument.name())}*`,
    escapeMarkdown(withChoices(argument.description, argument.argChoices)),
  ]);
  if (args.length > 0) parts.push(table(args));
  if (listEntryOptions(entry).length > 0) parts.push(describeOptions(entry));
  if (entry.statuses !== undefined) {
    const meanings = entry.statuses.map((meaning, status) => `${status}: ${meaning}`);
    parts.push(`Exit status: ${escapeMarkdown(meanings.join('; '))}.`);
  }
  return parts.join('\n\n');
}

function describeOptions(entry: Entry): string {
  return table(
    listEntryOptions(entry)
      .filter(({ hidden }) => !hidden)
      .map(describeOption),
  );
}

function describeOption(option: Option): string[] {
  const about = withChoices(option.description, option.argChoices);
  const fallback =
    typeof option.defaultValue === 'string' ? `; default: ${option.defaultValue}` : '';
  return [`\`${option.flags}\``, escapeMarkdown(about + fallback)];
}

function withChoices(about: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? about : `${about}: ${choices.join(', ')}`;
}

function shownArgument(argument: Argument): string {
  const dots = argument.variadic ? ' ...' : '';
  return argument.required ? `${argument.name()}${dots}` : `[${argument.name()}${dots}]`;
}

function name(page: string, about: string): string {
  return `## Name\n\n${page} \\- ${about}`;
}

function section(title: string, text: string): string {
  return `## ${title}\n\n${text.trim()}`;
}

function seeAlso(pages: string): string {
  return section(
    'See also',
    `${pages}\n\n\`postern help topics\` lists more pages, and \`postern help\` *topic* prints one.`,
  );
}

/** A table without headings, which becomes a list of terms. */
function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `| ${cells.join(' | ').replaceAll('\n', ' ')} |`);
  return ['| | |', '|---|---|', ...lines].join('\n');
}

function sentence(text: string): string {
  return `${escapeMarkdown(`${text.charAt(0).toUpperCase()}${text.slice(1)}`)}.`;
}

/** Plain text in Markdown. */
function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\*_<>[\]`|]/g, '\\$&');
}

const DESCRIPTION = `Postern follows the log of Postfix or Exim, works out who handed in each message, and
recognises a stolen password or an infected machine: many recipients that do not exist. It blocks this account, address
or program, keeps its mail in the queue for you to look at, and mails the abuse address what it has seen. It is not part
of the mail flow: when it stops, mail still flows.

Who is meant is written in the same way everywhere: \`alice@example.net\` for a login, \`192.0.2.7\` or \`192.0.2.0/24\` for
clients that may relay, \`uid:33\` for a local account, and \`sender:alice@example.net\` for an envelope sender.`;

const FILES = [
  ['`/etc/postern/postern.yaml`', 'the configuration, see `postern.yaml`(5)'],
  ['`/var/lib/postern/postern.db`', 'events, blocks and the positions in the logs'],
  ['`/etc/postfix/postern`', 'the tables that Postfix looks into'],
  ['`/var/spool/exim4/blocked_users`', 'and beside it: the lists that Exim looks into'],
];

const EXAMPLES = `What the rules would have done with the log that you have; this needs no configuration:

    postern replay /var/log/mail.log

Find the mail server, write a configuration, and print what to add to the mail server:

    postern init --notify abuse@example.net

Who is blocked, why, and release them and their mail:

    postern blocks
    postern explain alice@example.net
    postern unblock alice@example.net
    postern queue alice@example.net --release`;
