/** `postern classify`: what replies of mail servers mean. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { classify, parseReply } from '../classify/classify.ts';
import { readLines } from '../follow/given-file.ts';
import { decodeText } from '../model/line.ts';
import { type Io, jsonLine } from './io.ts';

/** Replies from the arguments, or one a line from standard input. */
export async function runClassify(replies: readonly string[], io: Io): Promise<ExitStatus> {
  for (const reply of replies) io.stdout(jsonLine(classified(reply)));
  if (replies.length > 0) return EXIT.done;
  for await (const lines of readLines('-')) {
    io.stdout(lines.map((line) => jsonLine(classified(decodeText(line.bytes)))).join(''));
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
