/** `postern verify`: the address behind a signed return path, or why its signature does not count, by hand. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { SCHEMES, type SchemeName, type Verified } from '../sign/scheme.ts';
import { RETURN_PATH_SCHEMES } from '../sign/schemes.ts';
import { type Io, jsonLine } from './io.ts';
import { type KeyOptions, readVerifyingKeys } from './return-path-keys.ts';
import { parseTime, stripBrackets } from './typed.ts';

interface VerifyOptions extends KeyOptions {
  readonly scheme?: SchemeName;
  readonly at?: string;
  readonly to?: string;
}

/** Prints the restored address. Exit status 1 with the reason for an address that is not signed, or not any more. */
export async function runVerify(
  address: string,
  options: VerifyOptions,
  io: Io,
): Promise<ExitStatus> {
  const now = options.at === undefined ? systemClock.now() : parseTime('--at', options.at, 'UTC');
  const keys = await readVerifyingKeys(options, now);
  const plain = stripBrackets(address);
  const names = options.scheme === undefined ? SCHEMES : [options.scheme];
  const found = names
    .map((name) => RETURN_PATH_SCHEMES[name].verify(plain, { keys, now }))
    .find(({ outcome }) => outcome !== 'unsigned');
  const verified = checkRecipient(found ?? { outcome: 'unsigned' }, options.to);
  if (options.format === 'json') io.stdout(jsonLine(verified));
  else if (verified.outcome === 'valid') io.stdout(`${verified.address}\n`);
  else io.stderr(`postern: <${plain}>: ${verified.outcome}\n`);
  return verified.outcome === 'valid' ? EXIT.done : EXIT.failed;
}

/** The hash form was made for one recipient, who alone may answer to it. */
function checkRecipient(
  verified: Verified,
  expected: string | undefined,
): Verified | { readonly outcome: string; readonly address: string } {
  if (expected === undefined || verified.outcome !== 'valid') return verified;
  const { recipient, address } = verified;
  if (recipient === undefined) return verified;
  if (recipient.toLowerCase() === stripBrackets(expected).toLowerCase()) return verified;
  return { outcome: `signed for ${recipient}`, address };
}
