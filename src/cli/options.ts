/** Options and arguments that several commands have, for the table of commands. */
import { Argument, Option } from 'commander';

export const mta = (meaning = 'mail server that wrote the log; default: recognized line by line') =>
  new Option('--mta <mta>', meaning).choices(['postfix', 'exim']);
export const preset = (meaning: string) =>
  new Option('--preset <preset>', meaning).choices(['small-office', 'hosting', 'provider']);
export const zone = () =>
  new Option(
    '--zone <zone>',
    'time zone of log lines that do not name one (Europe/Berlin, +01:00); default: that of this host',
  );
export const spareAllBut = () =>
  new Option('--spare-all-but <number>', 'how many senders a proposed limit may catch; default: 3');
export const files = () =>
  new Argument('<file...>', "log files, plain or gzip'd; - is standard input");
/** What `parseTime` (typed.ts) reads. */
const TIMES = '2026-11-01, 2026-11-01T09:00 (configured zone) or 2026-11-01T09:00:00Z';
export const since = (more = '') =>
  new Option('--since <time>', `from this time on: 24h (that long ago), ${TIMES}${more}`);
export const until = (more = '') =>
  new Option('--until <time>', `before this time, in the same forms${more}`);
const identity = (more = '') =>
  new Argument('<id>', `alice@example.net, 192.0.2.7, 192.0.2.0/24, uid:33${more}`);
export const blockable = () => identity(', sender:alice@example.net');
export const utc = () =>
  new Option('--utc', 'times in UTC, 2026-11-01T09:00:00.000Z; default: in the configured zone');
export const WRONG = 'wrong usage or configuration';
export const keyFile = () =>
  new Option(
    '--keys <file>',
    'file with the keys; default: that of the configuration, or /etc/postern/return-path.keys',
  );
export const scheme = (otherwise: string) =>
  new Option('--scheme <scheme>', `form of the signature; default: ${otherwise}`).choices([
    'prvs',
    'exim-hash',
  ]);
export const at = () =>
  new Option('--at <time>', 'as if it were this time: 2026-11-01 or 2026-11-01T09:00:00Z, in UTC');
/** An option that may be given several times. */
export const many = (flags: string, meaning: string) =>
  new Option(flags, `${meaning}; may be repeated`).argParser(
    (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
  );
/** What only the command line of scam-back has. */
export const isScamFlag = (word: string) => /^(?:-[A-Za-z]|--scam-conf(?:=|$))/.test(word);
/** Which installation of a mail server, if not the default one. */
export const installation = () => [
  new Option('--postfix-config <dir>', 'folder of the Postfix configuration (postconf -c)'),
  new Option('--exim-binary <file>', 'Exim program'),
  new Option('--exim-config <file>', 'Exim configuration file (exim -C)'),
];
/** Whom an exception is about. */
export const excepted = () =>
  new Argument(
    '[id]',
    'alice@example.net, @example.net, 192.0.2.7, 192.0.2.0/24, uid:33, sender:alice@example.net',
  );
export const why = () => new Option('--why <text>', 'the reason, for your colleagues');
export const undo = () => new Option('--undo', 'take the exception back');
/** Conditions for queued mail: those for events, as far as a queue file can tell. */
export const queueFilters = () => [
  since('; when it arrived'),
  until('; when it arrived'),
  new Option('--submitter <id>', 'the same as the argument'),
  new Option('--client <address>', 'the same as the argument, for an IP address or a network'),
  new Option('--sender <address>', 'from this envelope sender; <> is the null sender'),
  new Option('--recipient <address>', 'that still has to reach this recipient'),
  new Option('--domain <domain>', 'from or to this domain and those below it'),
  new Option('--reason <reasons>', 'deferred because of mailbox-full,... or invalid'),
  new Option('--queue-id <id>', 'the same as the argument'),
];
/** Conditions for events, the same for every command that prints some. */
export const eventFilters = () => [since(), until(), ...eventConditions()];
/** The same without a period, for commands that have one of their own. */
export const eventConditions = () => [
  new Option('--of <id>', 'of this submitter or client'),
  new Option('--submitter <id>', 'handed in by: alice@example.net, 192.0.2.7, uid:33'),
  new Option('--client <address>', 'from this IP address or network'),
  new Option('--sender <address>', 'from this envelope sender; <> is the null sender'),
  new Option('--recipient <address>', 'to this recipient'),
  new Option('--domain <domain>', 'from or to this domain and those below it'),
  new Option('--kind <kinds>', 'bounced,rejected,...'),
  new Option('--reason <reasons>', 'invalid-recipient,... or invalid'),
  new Option('--queue-id <id>', 'of this message'),
  new Option(
    '--host <name>',
    'logged by this mail server, or delivered to this host (or below it)',
  ),
];
