/** `postern recipients lookup`: what the database knows of addresses, or what their back end says now. */
import { EXIT, type ExitStatus } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { formatDuration, formatTime, SECOND, systemClock } from '../../base/time.ts';
import type { RecipientsConfig } from '../../config/milter-recipients.ts';
import type { Verdict } from '../../recipients/verdict.ts';
import { Verifier } from '../../recipients/verifier.ts';
import type { RecipientStore, StoredAnswer } from '../../store/recipients.ts';
import { csvRow } from '../csv.ts';
import { jsonLine } from '../io.ts';
import { readAddresses, shown, toText } from './address.ts';
import { COLUMNS, toCsv, toJson } from './forms.ts';
import { type Work, withRecipients } from './work.ts';

/** What the database knows, or with --ask what the back end says now. Exit status 1 if one is not known. */
export async function runLookup(work: Work): Promise<ExitStatus> {
  const addresses = readAddresses(work.words);
  return work.options.ask === true
    ? await askNow(addresses, work)
    : withRecipients(work.config, true, (store) => lookUp(addresses, store, work));
}

function lookUp(
  addresses: readonly string[],
  store: RecipientStore,
  { config, options, io }: Work,
): ExitStatus {
  const answers = addresses.map((address) => ({ address, answer: store.read(address) }));
  if (options.format === 'csv') io.stdout(csvRow(COLUMNS));
  for (const { address, answer } of answers) {
    if (options.format === 'json')
      io.stdout(jsonLine(answer === undefined ? { address: toText(address) } : toJson(answer)));
    else if (options.format === 'csv')
      io.stdout(
        answer === undefined ? csvRow([toText(address), undefined, undefined]) : toCsv(answer),
      );
    else io.stdout(`${shown(address)}: ${describe(answer, config)}\n`);
  }
  return answers.every(({ answer }) => answer !== undefined) ? EXIT.done : EXIT.failed;
}

function describe(answer: StoredAnswer | undefined, { options }: RecipientsConfig): string {
  if (answer === undefined) return 'not known';
  const { isValid, time } = answer;
  const until = time + (isValid ? options.cache.valid : options.cache.invalid);
  const age = Math.round((systemClock.now() - time) / SECOND) * SECOND;
  const state = systemClock.now() < until ? 'holds until' : 'expired at';
  return `${isValid ? 'valid' : 'invalid'}, known for ${formatDuration(age)}, ${state} ${formatTime(until)}`;
}

/** Asks past the cache, and leaves the database as it is. */
async function askNow(
  addresses: readonly string[],
  { config, options, io }: Work,
): Promise<ExitStatus> {
  const store = { read: () => undefined, write: () => undefined, version: () => 0 };
  const verifier = new Verifier(config.options, { clock: systemClock, log: silentLog, store });
  let status: ExitStatus = EXIT.done;
  if (options.format === 'csv') io.stdout(csvRow(ASKED_COLUMNS));
  for (const address of addresses) {
    const verdict = await verifier.verify(address, { authenticated: false, local: false });
    if (verdict.kind === 'unknown') status = EXIT.failed;
    if (options.format === 'json') io.stdout(jsonLine({ address: toText(address), ...verdict }));
    else if (options.format === 'csv') io.stdout(csvRow(askedValues(address, verdict)));
    else io.stdout(`${shown(address)}: ${describeVerdict(verdict)}\n`);
  }
  verifier.close();
  return status;
}

const ASKED_COLUMNS = ['recipient', 'kind', 'from', 'why'];

/** `why`: why it was skipped, or at which step asking failed and how. */
function askedValues(address: string, verdict: Verdict): (string | undefined)[] {
  const from = 'from' in verdict ? verdict.from : undefined;
  const why =
    verdict.kind === 'skipped'
      ? verdict.why
      : verdict.kind === 'unknown'
        ? `${verdict.step}: ${verdict.reason}`
        : undefined;
  return [toText(address), verdict.kind, from, why];
}

function describeVerdict(verdict: Verdict): string {
  if (verdict.kind === 'not-ours') return 'not verified: no back end is named for its domain';
  if (verdict.kind === 'skipped') return `not verified: skipped for ${verdict.why}`;
  if (verdict.kind === 'unknown') return `unknown, failed at ${verdict.step}: ${verdict.reason}`;
  return `${verdict.kind}, by ${verdict.from}`;
}
