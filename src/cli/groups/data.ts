/** The database as a whole. */
import { Argument } from 'commander';
import { WRONG } from '../options.ts';
import type { Entry } from '../program.ts';

export const DATA: readonly Entry[] = [
  {
    usage: 'backup',
    asOwner: true,
    summary: 'copy the database while the service runs, and check the copy',
    format: true,
    args: [new Argument('<file>', 'file to write; - is standard output')],
    run: async ([file], options, io) =>
      (await import('../backup.ts')).runBackup(file as never, options, io),
  },
  {
    usage: 'restore',
    asOwner: true,
    summary:
      'put a backup in the place of the database; blocks stay as they are (stop the service first)',
    format: true,
    args: [new Argument('<file>', 'a file that postern backup wrote; - is standard input')],
    run: async ([file], options, io) =>
      (await import('../restore.ts')).runRestore(file as never, options, io),
  },
  {
    usage: 'forget',
    summary: 'remove a person from all that is stored; counts and blocks stay as they are',
    format: true,
    statuses: ['done', 'a running block needs the name, or it failed', WRONG],
    args: [new Argument('<address>', 'an address or a login')],
    run: async ([address], options, io) =>
      (await import('../forget.ts')).runForget(address as never, options, io),
  },
];
