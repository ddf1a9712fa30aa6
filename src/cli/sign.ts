/** `postern sign`: the signed form of a return path, by hand. */

import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { type SchemeName, UNSIGNABLE } from '../sign/scheme.ts';
import { RETURN_PATH_SCHEMES } from '../sign/schemes.ts';
import { type Io, jsonLine } from './io.ts';
import { type KeyOptions, readSigningKey } from './return-path-keys.ts';
import { parseTime, stripBrackets } from './typed.ts';

interface SignOptions extends KeyOptions {
  readonly scheme?: SchemeName;
  readonly at?: string;
  readonly to?: string;
}

/** Prints the signed address alone. Exit status 1 with the reason when this address is not signed. */
export async function runSign(address: string, options: SignOptions, io: Io): Promise<ExitStatus> {
  const now = options.at === undefined ? systemClock.now() : parseTime('--at', options.at, 'UTC');
  const plain = stripBrackets(address);
  const recipient = options.to === undefined ? undefined : stripBrackets(options.to);
  const scheme = RETURN_PATH_SCHEMES[options.scheme ?? 'prvs'];
  const context = dropUndefined({ key: await readSigningKey(options), now, recipient });
  const signed = scheme.sign(plain, context);
  if ('unsignable' in signed) {
    const reason = UNSIGNABLE[signed.unsignable];
    if (options.format === 'json') io.stdout(jsonLine({ address: plain, reason }));
    else io.stderr(`postern: <${plain}>: ${reason}\n`);
    return EXIT.failed;
  }
  io.stdout(options.format === 'json' ? jsonLine(signed) : `${signed.address}\n`);
  return EXIT.done;
}
