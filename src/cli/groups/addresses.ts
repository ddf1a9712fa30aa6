/** Addresses: signed return paths, and which recipients exist. */
import { Argument, Option } from 'commander';
import { at, keyFile, scheme, since, until, WRONG } from '../options.ts';
import type { Entry } from '../program.ts';

export const ADDRESSES: readonly Entry[] = [
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
      (await import('../sign.ts')).runSign(address as never, options, io),
  },
  {
    usage: 'verify',
    summary: 'check a signed return path and print the address without its signature',
    statuses: ['the signature is valid', 'it is not, or it failed', WRONG],
    args: [new Argument('<address>', 'address that mail was sent to')],
    format: true,
    options: [
      scheme('whichever the address has'),
      keyFile(),
      at(),
      new Option('--to <recipient>', 'sender of the mail, if exim-hash must have signed for it'),
    ],
    run: async ([address], options, io) =>
      (await import('../verify.ts')).runVerify(address as never, options, io),
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
      (await import('../key.ts')).runKey(action as never, digit as never, options, io),
  },
  {
    usage: 'recipients',
    summary: 'list, look up, forget, import or export what is known of recipients (milter)',
    format: ['text', 'json', 'csv'],
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
      since('; list, export: when it was asked for'),
      until('; list, export: when it was asked for'),
      new Option('--recipient <address>', 'list, export: this one'),
      new Option('--domain <domain>', 'list, export: of this domain and those below it'),
      new Option('--valid', 'list, export: valid ones only'),
      new Option('--invalid', 'list, export: invalid ones only'),
      new Option('--limit <number>', 'list: at most this many'),
      new Option('--ask', 'lookup: ask the back end now, and store nothing'),
      new Option('--all', 'forget: all of them'),
      new Option('--output <file>', 'export: replace this file'),
    ],
    run: async ([action, words], options, io) =>
      (await import('../recipients/command.ts')).runRecipients(
        action as never,
        words as never,
        options,
        io,
      ),
  },
];
