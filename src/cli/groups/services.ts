/** The services: what runs for as long as the mail server does, and what hands them reports of abuse. */
import { Option } from 'commander';
import { isScamFlag } from '../options.ts';
import type { Entry } from '../program.ts';
import { version } from '../version.ts';

export const SERVICES: readonly Entry[] = [
  {
    usage: 'run',
    summary: 'follow the logs, detect, block, notify (the service)',
    run: async (_args, options) => (await import('../run.ts')).runRun(options, version()),
  },
  {
    usage: 'enforce',
    summary: 'write the block files for a service without root (enforcer: separate)',
    options: [
      new Option('--once', 'write them once and end'),
      new Option('--reader', 'the half without rights; started by the other one').hideHelp(),
    ],
    run: async (_args, options) => (await import('../enforce.ts')).runEnforce(options),
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
        ? import('../scam-milter.ts').then(({ runScamMilter }) =>
            runScamMilter(words, version(), io),
          )
        : undefined,
    run: async (_args, options) => (await import('../milter.ts')).runMilter(options, version()),
  },
  {
    usage: 'complaint',
    config: false,
    summary: 'read an abuse report (ARF) from standard input and hand it to the service',
    options: [
      new Option('--pipe', 'as the command of an alias: no output, no bounce, 75 for "try again"'),
      new Option('--folder <dir>', 'default: /var/spool/postern/complaints'),
    ],
    run: async (_args, options, io) => (await import('../complaint.ts')).runComplaint(options, io),
  },
];
