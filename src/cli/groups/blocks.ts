/** Who is blocked and why, who is not to be, and what becomes of their mail. */
import { Argument, Option } from 'commander';
import {
  blockable,
  excepted,
  queueFilters,
  since,
  undo,
  until,
  utc,
  WRONG,
  why,
} from '../options.ts';
import type { Entry } from '../program.ts';

export const BLOCKS: readonly Entry[] = [
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
    run: async (_args, options, io) => (await import('../status.ts')).runStatus(options, io),
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
      new Option('--host <name>', 'that began on this server; others share theirs (share)'),
      new Option('--sort <order>', 'order; default: number').choices([
        'number',
        'who',
        'cause',
        'host',
        'start',
        'end',
      ]),
      utc(),
    ],
    run: async (_args, options, io) => (await import('../blocks.ts')).runBlocks(options, io),
  },
  {
    usage: 'block',
    asOwner: true,
    summary: 'block a submitter, network or sender by hand, and look whether it is in force',
    format: true,
    statuses: [
      'blocked; in observe mode: only recorded',
      'it cannot be blocked, or the block is not in force',
      WRONG,
    ],
    args: [blockable()],
    options: [
      new Option('--for <duration>', 'how long, 1h or 7d; default: until released'),
      new Option('--note <text>', 'why, for your colleagues'),
    ],
    run: async ([id], options, io) =>
      (await import('../block.ts')).runBlock(id as never, options, io),
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
      (await import('../unblock.ts')).runUnblock(id as never, options, io),
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
      (await import('../allow.ts')).runAllow(id as never, options, io),
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
      (await import('../allow.ts')).runExcept(rule as never, id as never, options, io),
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
      (await import('../password-changed.ts')).runPasswordChanged(id as never, options, io),
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
      (await import('../explain.ts')).runExplain(id as never, options, io),
  },
  {
    usage: 'queue',
    summary: 'list, hold, release or delete queued mail, by who sent it or by queue ID',
    format: ['text', 'json', 'csv'],
    completes: 'blocks',
    args: [
      new Argument(
        '[id...]',
        'alice@example.net, 192.0.2.7, 192.0.2.0/24, uid:33, sender:alice@example.net, or queue IDs',
      ),
    ],
    options: [
      ...queueFilters(),
      new Option('--hold', 'hold or freeze it'),
      new Option('--release', 'release or thaw it, and ask for delivery now'),
      new Option('--delete', 'delete it, after a question'),
      new Option('--yes', 'do not ask before deleting'),
      new Option('--known', 'print what the log knows; started by the same command').hideHelp(),
      new Option('--note', 'write who did what; started by the same command').hideHelp(),
    ],
    run: async ([ids], options, io) =>
      (await import('../queue.ts')).runQueue(ids as never, options, io),
  },
];
