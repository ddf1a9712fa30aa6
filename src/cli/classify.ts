/** `postern classify`: what replies of mail servers mean. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { classify, parseReply } from '../classify/classify.ts';
import { readLines } from '../follow/given-file.ts';
import { decodeText } from '../model/line.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';

/** Replies from the arguments, or one a line from standard input. */
export async function runClassify(
  replies: readonly string[],
  { format }: CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  const render =
    format === 'text' ? classifiedText : (reply: string) => jsonLine(classified(reply));
  for (const reply of replies) io.stdout(render(reply));
  if (replies.length > 0) return EXIT.done;
  for await (const lines of readLines('-')) {
    io.stdout(lines.map((line) => render(decodeText(line.bytes))).join(''));
  }
  return EXIT.done;
}

function classified(reply: string): Record<string, unknown> {
  const { code, status } = parseReply(reply);
  return dropUndefined({
    reply,
    code,
    status,
    reason: classify({ reply }),
  });
}

/** `invalid-recipient  550 5.1.1  the reply`; what the reply does not say is `-`. */
function classifiedText(reply: string): string {
  const { code, status, reason } = classified(reply);
  return `${escapeControls(`${reason ?? '-'}  ${code ?? '-'} ${status ?? '-'}  ${reply}`)}\n`;
}
