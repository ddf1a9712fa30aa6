/** The table of commands, and how a command line is run with it. */
import { Argument, Option } from 'commander';
import type { ExitStatus } from '../base/errors.ts';
import type { InitOptions } from './init.ts';
import type { ReturnPathOptions } from './init-return-path.ts';
import type { Io } from './io.ts';
import {
  at,
  blockable,
  eventFilters,
  excepted,
  files,
  installation,
  isScamFlag,
  keyFile,
  many,
  mta,
  preset,
  scheme,
  since,
  spareAllBut,
  undo,
  until,
  utc,
  WRONG,
  why,
  zone,
} from './options.ts';
import { type Entry, runProgram } from './program.ts';
import { version } from './version.ts';

type InitCommandOptions = InitOptions &
  ReturnPathOptions & {
    readonly eximReturnPath?: boolean;
    readonly learn?: readonly string[];
    readonly spareAllBut?: string;
  };

/** Every command, in the order of `postern help`. Its code is loaded when it runs, so that small commands start fast. */
export const COMMANDS: readonly Entry[] = [
  {
    usage: 'run',
    summary: 'follow the logs, detect, block, notify (the service)',
    run: async (_args, options) => (await import('./run.ts')).runRun(options, version()),
  },
  {
    usage: 'enforce',
    summary: 'write the block files for a service without root (enforcer: separate)',
    options: [
      new Option('--once', 'write them once and end'),
      new Option('--reader', 'the half without rights; started by the other one').hideHelp(),
    ],
    run: async (_args, options) => (await import('./enforce.ts')).runEnforce(options),
  },
  {
    usage: 'milter',
    instance: false,
    summary: 'answer Postfix or Sendmail during the SMTP dialogue (a service of its own)',
    options: [
      new Option(
        '--scam-conf <file>',
        'instead, verify recipients as scam-backscatter did, from its file; its flags -p -u -g -T -f -P -b -D -h work, too (-h lists them)',
      ),
      new Option('--listen <address>', 'with --scam-conf: unix:PATH or inet:PORT@ADDRESS'),
      new Option('--database <file>', 'with --scam-conf: where answers are kept'),
      new Option('--usemailertable', 'with --scam-conf: it was compiled with USEMAILERTABLE'),
      new Option('--alldomains', 'with --scam-conf: it was compiled with ALLDOMAINS'),
      new Option('--ehlo', 'with --scam-conf: it was compiled with EHLO'),
    ],
    runForeign: (words, io) =>
      words.some(isScamFlag)
        ? import('./scam-milter.ts').then(({ runScamMilter }) =>
            runScamMilter(words, version(), io),
          )
        : undefined,
    run: async (_args, options) => (await import('./milter.ts')).runMilter(options, version()),
  },
  {
    usage: 'init',
    instance: false,
    format: true,
    summary:
      'find the mail server and its log, write a configuration, print what to add to the mail server',
    options: [
      mta('mail server to set up; needed only if both are here'),
      new Option('--output <file>', 'configuration file to write; the same as --config'),
      new Option('--force', 'replace a configuration that exists'),
      new Option('--notify <address>', 'whom to notify of blocks, usually the abuse address'),
      preset('limits for this kind of server; see docs/limits.md'),
      new Option('--observe', 'begin in observe mode: the mail server is not changed'),
      new Option('--policy', 'with the policy service, which also stops sessions that are open'),
      new Option('--milter', 'with the milter, which can verify recipients and sign return paths'),
      new Option(
        '--learn <file...>',
        'instead, read these old logs and print limits and overrides for them; nothing is written',
      ),
      spareAllBut(),
      new Option(
        '--exim-return-path',
        'instead, write what Exim needs to sign return paths and to refuse bogus notifications',
      ),
      new Option('--domain <domain...>', 'domains that sign; default: all local domains'),
      scheme('prvs'),
      new Option('--refuse <verb>', 'what happens to bogus notifications; default: warn').choices([
        'warn',
        'deny',
        'defer',
      ]),
      new Option('--text <text>', 'answer to bogus notifications'),
      new Option(
        '--layout <layout>',
        "Debian's split or single configuration, or plain for any other; default: as found",
      ).choices(['split', 'single', 'plain']),
      ...installation(),
    ],
    run: async (_args, options: InitCommandOptions, io) => {
      const { learn } = options;
      if (learn !== undefined)
        return (await import('./replay.ts')).runReplay(learn, { ...options, suggest: true }, io);
      return options.eximReturnPath === true
        ? (await import('./init-return-path.ts')).runInitReturnPath(options, io)
        : (await import('./init.ts')).runInit(options, io);
    },
  },
  {
    usage: 'check',
    eachInstance: true,
    summary:
      'check configuration, rules, permissions, and whether the mail server uses the block files',
    format: true,
    statuses: [
      'all is well, or there are only warnings',
      'it failed',
      'something is wrong, or wrong usage or configuration',
    ],
    options: [
      ...installation(),
      new Option('--milter', 'only what postern milter needs'),
      new Option(
        '--sendmail-config <file>',
        "Sendmail's configuration; default: /etc/mail/sendmail.cf",
      ),
    ],
    run: async (_args, options, io) => (await import('./check.ts')).runCheck(options, io),
  },
  {
    usage: 'audit',
    summary:
      'find holes of the mail server that end on blocklists: relaying, backscatter, accounts',
    format: true,
    statuses: [
      'nothing is above advice; with --harden: printed; with --rehearsal: no mail that was wanted',
      'there are findings; with --rehearsal: mail that was wanted would have been refused',
      'nothing could be audited, or wrong usage or configuration',
    ],
    options: [
      new Option('--postfix <dir>', 'audit this Postfix configuration (folder of main.cf)'),
      new Option('--exim <file>', 'audit this Exim configuration file'),
      new Option('--probe [host]', 'also try it from outside, HOST or HOST:PORT; sends no message')
        .preset('127.0.0.1')
        .argParser((host, before: string[] = []) => [...before, host]),
      new Option('--offline', 'ask nothing of the DNS'),
      new Option(
        '--resolver <address>',
        'ask this DNS server, 127.0.0.1:53; default: those of this host',
      ),
      new Option(
        '--harden',
        'instead, print the stringent restrictions that are missing here, as commands (Postfix) or for the ACL (Exim)',
      ),
      new Option('--rehearse', 'with --harden: the mail server only logs what they would refuse'),
      new Option(
        '--rehearsal',
        'instead, show what they would have refused, and whose mail of that was wanted',
      ),
      since('; with --rehearsal; default: 24h'),
      until('; with --rehearsal; default: now'),
    ],
    run: async (_args, options, io) => (await import('./audit.ts')).runAudit(options, io),
  },
  {
    usage: 'status',
    eachInstance: true,
    summary: 'show whether it is running, how far behind, what is blocked, what is failing',
    format: ['text', 'json', 'nagios'],
    statuses: [
      'all is well',
      'there are problems (listed at the end), or there is no usable database',
      `${WRONG}; with --format nagios: it does not run, or reads no log`,
      'with --format nagios: nothing can be said',
    ],
    options: [
      new Option('--notify', 'print nothing, mail when a service is down or back (for a timer)'),
      new Option(
        '--milter-pid <file>',
        'instead, that of a milter with --scam-conf: its pid file (-P)',
      ),
      utc(),
    ],
    run: async (_args, options, io) => (await import('./status.ts')).runStatus(options, io),
  },
  {
    usage: 'blocks',
    eachInstance: true,
    asOwner: true,
    summary: 'list blocks',
    format: ['text', 'json', 'csv', 'plain'],
    options: [
      new Option('--all', 'include those that have ended'),
      since('; when it began'),
      until('; when it began'),
      new Option(
        '--of <id>',
        'of this identity; of an address or a network, those around it and in it',
      ),
      new Option('--type <type>', 'of this type').choices(['user', 'client', 'uid', 'sender']),
      new Option('--domain <domain>', 'of users and senders in this domain or below it'),
      new Option('--cause <rule>', 'of this rule, or manual'),
      new Option('--sort <order>', 'order; default: number').choices([
        'number',
        'who',
        'cause',
        'start',
        'end',
      ]),
      utc(),
    ],
    run: async (_args, options, io) => (await import('./blocks.ts')).runBlocks(options, io),
  },
  {
    usage: 'block',
    asOwner: true,
    summary: 'block a submitter, network or sender by hand, and look whether it is in force',
    format: true,
    statuses: ['blocked', 'it cannot be blocked, or the block is not in force', WRONG],
    args: [blockable()],
    options: [
      new Option('--for <duration>', 'how long, 1h or 7d; default: until released'),
      new Option('--note <text>', 'why, for your colleagues'),
    ],
    run: async ([id], options, io) =>
      (await import('./block.ts')).runBlock(id as never, options, io),
  },
  {
    usage: 'unblock',
    asOwner: true,
    summary: 'end a block; earlier events no longer count; names what still blocks',
    format: true,
    statuses: ['done', 'not blocked, or still in force', WRONG],
    args: [blockable()],
    completes: 'blocks',
    run: async ([id], options, io) =>
      (await import('./unblock.ts')).runUnblock(id as never, options, io),
  },
  {
    usage: 'allow',
    asOwner: true,
    summary: 'never block somebody, and end the block; without an identity, list all exceptions',
    format: true,
    statuses: ['done', 'nothing to undo, or a block is still in force', WRONG],
    args: [excepted()],
    options: [why(), undo()],
    run: async ([id], options, io) =>
      (await import('./allow.ts')).runAllow(id as never, options, io),
  },
  {
    usage: 'except',
    asOwner: true,
    summary: 'except somebody from one rule; without a rule, list all exceptions',
    format: true,
    statuses: ['done', 'nothing to undo', WRONG],
    args: [new Argument('[rule]', 'name of the rule'), excepted()],
    options: [why(), undo()],
    run: async ([rule, id], options, io) =>
      (await import('./allow.ts')).runExcept(rule as never, id as never, options, io),
  },
  {
    usage: 'password-changed',
    asOwner: true,
    summary: 'report that a password was changed: ends blocks whose rule says ends-with',
    format: true,
    statuses: ['no block is left', 'a block stays, or is still in force', WRONG],
    args: [new Argument('<id>', 'alice@example.net or uid:33')],
    options: [
      new Option(
        '--by <name>',
        'who changed it; owner, or the account itself, for the person alone: then the block stays',
      ).makeOptionMandatory(),
    ],
    run: async ([id], options, io) =>
      (await import('./password-changed.ts')).runPasswordChanged(id as never, options, io),
  },
  {
    usage: 'explain',
    asOwner: true,
    summary: 'show the evidence: which rule, which lines, which recipients, from where, when',
    format: true,
    statuses: ['done', 'there is nothing to explain, or it failed', WRONG],
    args: [new Argument('<id>', 'an identity, or the number of a block')],
    completes: 'blocks',
    options: [utc()],
    run: async ([id], options, io) =>
      (await import('./explain.ts')).runExplain(id as never, options, io),
  },
  {
    usage: 'queue',
    summary: 'list, hold, release or delete queued mail, by who sent it or by queue ID',
    format: true,
    completes: 'blocks',
    args: [
      new Argument(
        '<id...>',
        'alice@example.net, 192.0.2.7, 192.0.2.0/24, uid:33, sender:alice@example.net, or queue IDs',
      ),
    ],
    options: [
      new Option('--hold', 'hold or freeze it'),
      new Option('--release', 'release or thaw it, and ask for delivery now'),
      new Option('--delete', 'delete it, after a question'),
      new Option('--yes', 'do not ask before deleting'),
      new Option('--known', 'print what the log knows; started by the same command').hideHelp(),
    ],
    run: async ([ids], options, io) =>
      (await import('./queue.ts')).runQueue(ids as never, options, io),
  },
  {
    usage: 'events',
    asOwner: true,
    summary: 'search stored events',
    format: ['text', 'json', 'csv', 'parquet'],
    options: [
      ...eventFilters(),
      new Option('--limit <number>', 'at most this many, the newest'),
      utc(),
    ],
    run: async (_args, options, io) => (await import('./events.ts')).runEvents(options, io),
  },
  {
    usage: 'watch',
    summary: 'print events as they are logged',
    format: true,
    options: [...eventFilters(), utc()],
    run: async (_args, options, io) => (await import('./watch.ts')).runWatch(options, io),
  },
  {
    usage: 'parse',
    summary: 'print the events of log files, one a line; stores nothing',
    args: [files()],
    format: ['json', 'text', 'csv'],
    options: [mta(), zone(), ...eventFilters()],
    run: async ([names], options, io) =>
      (await import('./parse.ts')).runParse(names as never, options, io),
  },
  {
    usage: 'classify',
    summary: 'print code, status and reason of SMTP replies, one a line',
    config: false,
    args: [new Argument('[reply...]', 'replies; without any, one a line on standard input')],
    format: ['json', 'text'],
    run: async ([replies], options, io) =>
      (await import('./classify.ts')).runClassify(replies as never, options, io),
  },
  {
    usage: 'replay',
    summary: 'show what the rules would have done with these logs, and who came close',
    args: [files()],
    format: true,
    options: [
      mta(),
      zone(),
      new Option('--rules <dir>', 'rules to use instead of the configured ones'),
      preset('limits to try instead of the configured ones'),
      new Option(
        '--suggest',
        'instead, print overrides for honest senders whom rate rules would catch, and limits that catch few',
      ),
      spareAllBut(),
      new Option('--tuning', 'also show who would have met half and double of each limit'),
      new Option('--html', 'the same as one HTML page, with charts'),
    ],
    run: async ([names], options, io) =>
      (await import('./replay.ts')).runReplay(names as never, options, io),
  },
  {
    usage: 'report',
    asOwner: true,
    summary: 'report on a period as text, JSON, HTML or CSV',
    statuses: ['done', 'it failed, or a mail was not sent', WRONG],
    format: ['text', 'json', 'html', 'csv'],
    options: [
      since('; default: 24h'),
      until('; default: now'),
      new Option('--day <day>', 'of this day: today, yesterday or 2026-11-09 (configured zone)'),
      new Option(
        '--week [week]',
        'of this week, Monday to Sunday: last, this, 2026-W46 or a day in it',
      ).preset('last'),
      new Option('--from <day>', 'from this day on: 2026-11-01'),
      new Option('--to <day>', 'to this day, which is included; default: today'),
      new Option('--table <name>', 'with --format csv: which table; a wrong name lists them'),
      new Option('--mail', 'send it to the abuse address, as text and HTML'),
      new Option('--only-if-any', 'print or send nothing if there is nothing to look at'),
      utc(),
    ],
    run: async (_args, options, io) => (await import('./report.ts')).runReport(options, io),
  },
  {
    usage: 'backup',
    asOwner: true,
    summary: 'copy the database while the service runs, and check the copy',
    format: true,
    args: [new Argument('<file>', 'file to write; - is standard output')],
    run: async ([file], options, io) =>
      (await import('./backup.ts')).runBackup(file as never, options, io),
  },
  {
    usage: 'restore',
    asOwner: true,
    summary:
      'put a backup in the place of the database; blocks stay as they are (stop the service first)',
    format: true,
    args: [new Argument('<file>', 'a file that postern backup wrote; - is standard input')],
    run: async ([file], options, io) =>
      (await import('./restore.ts')).runRestore(file as never, options, io),
  },
  {
    usage: 'forget',
    asOwner: true,
    summary: 'remove a person from all that is stored; counts and blocks stay as they are',
    format: true,
    statuses: ['done', 'a running block needs the name, or it failed', WRONG],
    args: [new Argument('<address>', 'an address or a login')],
    run: async ([address], options, io) =>
      (await import('./forget.ts')).runForget(address as never, options, io),
  },
  {
    usage: 'sign',
    summary: 'print the signed form of a return path',
    args: [new Argument('<address>', 'envelope sender, such as alice@example.net')],
    format: true,
    options: [
      scheme('prvs'),
      keyFile(),
      at(),
      new Option('--to <recipient>', 'recipient of the mail, which exim-hash signs with it'),
    ],
    run: async ([address], options, io) =>
      (await import('./sign.ts')).runSign(address as never, options, io),
  },
  {
    usage: 'verify',
    summary: 'check a signed return path and print the address without its signature',
    args: [new Argument('<address>', 'address that mail was sent to')],
    format: true,
    options: [
      scheme('whichever the address has'),
      keyFile(),
      at(),
      new Option('--to <recipient>', 'sender of the mail, if exim-hash must have signed for it'),
    ],
    run: async ([address], options, io) =>
      (await import('./verify.ts')).runVerify(address as never, options, io),
  },
  {
    usage: 'key',
    summary: 'add, list or retire a key of signed return paths',
    args: [
      new Argument('<action>', 'add, list or retire').choices(['add', 'list', 'retire']),
      new Argument('[digit]', 'number of the key to retire'),
    ],
    format: true,
    options: [keyFile()],
    run: async ([action, digit], options, io) =>
      (await import('./key.ts')).runKey(action as never, digit as never, options, io),
  },
  {
    usage: 'recipients',
    summary: 'list, look up, forget, import or export what is known of recipients (milter)',
    format: true,
    args: [
      new Argument('<action>', 'what to do').choices([
        'list',
        'lookup',
        'forget',
        'import',
        'export',
      ]),
      new Argument('[word...]', 'addresses; @example.net to forget a domain; the file to import'),
    ],
    options: [
      new Option('--database <file>', 'database of answers; default: the configured one'),
      new Option('--domain <domain>', 'list, export: of this domain and those below it'),
      new Option('--valid', 'list, export: valid ones only'),
      new Option('--invalid', 'list, export: invalid ones only'),
      new Option('--limit <number>', 'list: at most this many'),
      new Option('--ask', 'lookup: ask the back end now, and store nothing'),
      new Option('--all', 'forget: all of them'),
      new Option('--output <file>', 'export: replace this file'),
    ],
    run: async ([action, words], options, io) =>
      (await import('./recipients.ts')).runRecipients(action as never, words as never, options, io),
  },
  {
    usage: 'import',
    config: false,
    summary: 'print the configuration of another program (scam-backscatter) as one of Postern',
    args: [
      new Argument('<program>', 'whose configuration it is').choices(['scam-conf']),
      new Argument('<file>', 'the file, usually /etc/mail/scam.conf'),
    ],
    options: [
      new Option('--usemailertable', 'it was compiled with USEMAILERTABLE'),
      new Option('--alldomains', 'it was compiled with ALLDOMAINS'),
      new Option('--ehlo', 'it was compiled with EHLO'),
      new Option('--fallbackend', 'it was compiled with FALLBACKEND'),
      new Option('--backoff', 'it was compiled with BACKOFF'),
    ],
    run: async ([_program, file], options, io) =>
      (await import('./import.ts')).runImport(file as never, options, io),
  },
  {
    usage: 'listings',
    summary: 'ask DNS blocklists about this server, and show who refuses it because of them',
    format: true,
    options: [
      many('--address <address>', 'IP address or name to ask about; default: those of this server'),
      many('--list <list>', 'list to ask, by name or zone; default: all that work'),
      new Option('--resolver <host:port>', 'DNS resolver to ask; default: that of this host'),
    ],
    run: async (_args, options, io) => (await import('./listings.ts')).runListings(options, io),
  },
  {
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
  },
  {
    usage: 'complaint',
    config: false,
    summary: 'read an abuse report (ARF) from standard input and hand it to the service',
    options: [
      new Option('--pipe', 'as the command of an alias: no output, no bounce, 75 for "try again"'),
      new Option('--folder <dir>', 'default: /var/spool/postern/complaints'),
    ],
    run: async (_args, options, io) => (await import('./complaint.ts')).runComplaint(options, io),
  },
  {
    usage: 'demo',
    config: false,
    summary: 'run the whole pipeline on a bundled log, in a scratch folder',
    options: [new Option('--no-keep', 'delete the scratch folder at the end')],
    run: async (_args, options, io) => (await import('./demo.ts')).runDemo(options, io),
  },
  {
    usage: 'completion',
    config: false,
    summary: 'print what lets a shell complete commands, options and the identities of blocks',
    args: [new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish'])],
    run: async ([shell], _options, io) =>
      (await import('./completion.ts')).runCompletion(shell as never, io),
  },
  {
    usage: '__complete',
    config: false,
    hidden: true,
    summary: 'print how the last word may go on; started by shells',
    runForeign: async (words, io) =>
      (await import('./complete.ts')).runComplete(COMMANDS, words, io),
    run: () => 0,
  },
];

/** Runs one command line (without `node` and the name of the script) and returns its exit status. */
export function main(argv: readonly string[], io: Io): Promise<ExitStatus> {
  return runProgram(COMMANDS, argv, io);
}
