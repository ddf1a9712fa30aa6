/** The files that Postern writes for Postfix, and the options that name them. */
import type { Config } from '../../config/load.ts';
import { POSTFIX_MAPS } from '../../config/target-schema.ts';
import type { TargetFile } from '../mail-server.ts';

export function listTargetFiles({ targets: { postfix } }: Config): TargetFile[] {
  return POSTFIX_MAPS.flatMap((name) => {
    const file = postfix[name]?.file;
    return file === undefined ? [] : [{ option: ['targets', 'postfix', name, 'file'], file }];
  });
}
