/** Postern on a story: what `postern replay --format json` prints with the rules of the package. */
import { resolve } from 'node:path';
import { runReplay } from '../../src/cli/replay.ts';
import type { Written } from './files.ts';

export interface Verdict {
  readonly action: 'block' | 'observe';
  /** `user:alice@example.net` */
  readonly key: string;
  /** ms since the epoch */
  readonly time: number;
}

interface Printed {
  readonly verdicts: readonly {
    readonly action: Verdict['action'];
    readonly key: { readonly type: string; readonly id: string };
    readonly time: string;
  }[];
}

const RULES = resolve(import.meta.dirname, '../../rules');

/** The verdicts on these logs, in the order of their lines. Throws what `postern replay` fails with. */
export async function replay({ files, config }: Written): Promise<Verdict[]> {
  let printed = '';
  const io = {
    stdout: (text: string) => {
      printed += text;
    },
    stderr: () => {},
  };
  const options = { rules: RULES, zone: 'UTC', format: 'json' } as const;
  await runReplay(files, config === undefined ? options : { ...options, config }, io);
  const { verdicts } = JSON.parse(printed) as Printed;
  return verdicts.map(({ action, key: { type, id }, time }) => ({
    action,
    key: `${type}:${id}`,
    time: Date.parse(time),
  }));
}
