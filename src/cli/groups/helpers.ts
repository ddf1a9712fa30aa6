/** For getting to know Postern, and for typing its commands. */
import { Argument, Option } from 'commander';
import type { Entry } from '../program.ts';

export const HELPERS: readonly Entry[] = [
  {
    usage: 'demo',
    config: false,
    summary: 'run the whole pipeline on a bundled log, in a scratch folder',
    options: [new Option('--no-keep', 'delete the scratch folder at the end')],
    run: async (_args, options, io) => (await import('../demo.ts')).runDemo(options, io),
  },
  {
    usage: 'completion',
    config: false,
    summary: 'print what lets a shell complete commands, options and the identities of blocks',
    args: [new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish'])],
    run: async ([shell], _options, io) =>
      (await import('../completion.ts')).runCompletion(shell as never, io),
  },
];
