/** `postern audit --harden`: prints what the mail server lacks of the stringent set, to enforce or to rehearse it. */
import { hardeningText } from '../audit/harden.ts';
import { AUDITED_MTAS } from '../audit/mtas.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import type { Mta } from '../model/event.ts';
import { type Io, jsonLine } from './io.ts';

interface HardenCommandOptions {
  readonly format?: 'text' | 'json';
  readonly rehearse?: boolean;
}

/** Exit status 0, also when nothing is missing; 2 when the configuration could not be read. */
export async function printHardening(
  mta: Mta,
  source: { readonly config: Config | undefined; readonly source: string | undefined },
  options: HardenCommandOptions,
  io: Io,
): Promise<ExitStatus> {
  const notes = new Set<string>();
  const rehearse = options.rehearse === true;
  const found = await AUDITED_MTAS[mta].harden({ ...source, rehearse, notes });
  for (const note of notes) io.stderr(`postern: ${note}\n`);
  if (typeof found === 'string') {
    io.stderr(`postern: nothing was read: ${found}\n`);
    return EXIT.usage;
  }
  io.stdout(
    options.format === 'json'
      ? jsonLine({ mta, rehearse, ...found, notes: [...notes] })
      : hardeningText(found),
  );
  return EXIT.done;
}
