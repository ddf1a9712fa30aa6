/** Setting up Postern, and looking whether it and the mail server are set up well. */
import { Argument, Option } from 'commander';
import type { InitOptions } from '../init.ts';
import type { ReturnPathOptions } from '../init-return-path.ts';
import {
  installation,
  many,
  mta,
  preset,
  scheme,
  since,
  spareAllBut,
  until,
  WRONG,
} from '../options.ts';
import type { Entry } from '../program.ts';

type InitCommandOptions = InitOptions &
  ReturnPathOptions & {
    readonly eximReturnPath?: boolean;
    readonly learn?: readonly string[];
    readonly spareAllBut?: string;
  };

export const SETUP: readonly Entry[] = [
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
        return (await import('../replay.ts')).runReplay(learn, { ...options, suggest: true }, io);
      return options.eximReturnPath === true
        ? (await import('../init-return-path.ts')).runInitReturnPath(options, io)
        : (await import('../init.ts')).runInit(options, io);
    },
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
      (await import('../import.ts')).runImport(file as never, options, io),
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
    run: async (_args, options, io) => (await import('../check.ts')).runCheck(options, io),
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
    run: async (_args, options, io) => (await import('../audit.ts')).runAudit(options, io),
  },
  {
    usage: 'listings',
    summary: 'ask DNS blocklists about this server, and show who refuses it because of them',
    statuses: [
      'no list has it',
      'a list has it that is not for information only, or it failed',
      WRONG,
    ],
    format: ['text', 'json', 'csv'],
    options: [
      many('--address <address>', 'IP address or name to ask about; default: those of this server'),
      many('--list <list>', 'list to ask, by name or zone; default: all that work'),
      new Option('--resolver <host:port>', 'DNS resolver to ask; default: that of this host'),
      since('; of refusals in the log; default: 7d'),
      until('; of refusals in the log; default: now'),
      new Option('--host <name>', 'refusals by this host or provider (or below it)'),
      new Option('--table <name>', 'with --format csv: which table; default: lists').choices([
        'lists',
        'refusals',
      ]),
    ],
    run: async (_args, options, io) => (await import('../listings.ts')).runListings(options, io),
  },
];
