/** `postern complaint`: a feedback report on standard input, handed to the service. Needs no configuration and no rights. */
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { addClaim, DEFAULT_FOLDER } from '../complaint/folder.ts';
import { LONGEST_REPORT, readReport } from '../complaint/report.ts';
import type { Io } from './io.ts';

interface ComplaintOptions {
  readonly folder?: string;
  readonly pipe?: boolean;
}

/**
 * Takes a report. A report that is refused: status 1 and one line. With `--pipe`, as the command of a mail alias, it
 * prints nothing and a refused report gives status 0, because otherwise the mail server would send a notice to whoever
 * forged the report; 75 if the folder cannot be written. Throws a PosternError (exit status 1) without `--pipe`.
 */
export async function runComplaint(options: ComplaintOptions, io: Io): Promise<ExitStatus> {
  const { folder = DEFAULT_FOLDER, pipe = false } = options;
  const read = await readReport(await readInput());
  if ('refused' in read) {
    if (pipe) return EXIT.done;
    io.stderr(`postern: the report is refused: ${read.refused}\n`);
    return EXIT.failed;
  }
  try {
    addClaim(folder, read.claim);
  } catch (error) {
    // Exim's `return_output`, which Debian sets for aliases, makes a bounce of any output, even with status 75.
    if (pipe) return EXIT.tryAgain;
    const text = `${folder}: cannot add the complaint (${getMessage(error)})`;
    throw new PosternError('environment', text, { code: 'complaint-folder' });
  }
  if (!pipe) io.stdout('Handed to the service.\n');
  return EXIT.done;
}

/** The beginning of standard input. Reads to the end, so that the writer of a pipe does not fail. */
async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    if (size < LONGEST_REPORT) chunks.push(chunk.subarray(0, LONGEST_REPORT - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}
