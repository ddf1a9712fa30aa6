/**
 * A feedback report (ARF, RFC 5965) to what it claims about one message of ours. The report comes from anybody, so nothing
 * in it is believed: the service compares the claim with what it has stored.
 */
import PostalMime, { type Email } from 'postal-mime';
import { type Claim, LONGEST, MOST } from './claim.ts';
import { readReceived } from './received.ts';

/** Bytes of a report that are read. What follows is the body of the message, which is not needed. */
export const LONGEST_REPORT = 1_000_000;
const DEEPEST = 10;
const FEEDBACK = 'message/feedback-report';
/** What a report may enclose: the message, or its header alone (RFC 5965 2 d, RFC 6522). */
const ENCLOSED: ReadonlySet<string> = new Set(['message/rfc822', 'text/rfc822-headers']);

/** The claim of a report, or why it is refused, as the end of a sentence. */
export type Read = { readonly claim: Claim } | { readonly refused: string };

/** Reads a whole report, with its header. Never throws, whatever the bytes are. */
export async function readReport(bytes: Uint8Array): Promise<Read> {
  const report = await parse(bytes);
  if (report === undefined) return { refused: 'not a mail' };
  if (!isFeedbackReport(report)) return { refused: 'not a feedback report (RFC 5965)' };
  const parts = report.attachments.filter(({ mimeType }) => mimeType === FEEDBACK);
  if (parts.length !== 1) return { refused: `expected one part ${FEEDBACK}` };
  const fields = readFields(decode(parts[0]?.content));
  const types = fields.get('feedback-type') ?? [];
  if (types.length !== 1 || types[0]?.toLowerCase() !== 'abuse')
    return { refused: 'not of the type abuse' };
  const enclosed = report.attachments.filter(({ mimeType }) => ENCLOSED.has(mimeType));
  if (enclosed.length !== 1) return { refused: 'expected one enclosed message' };
  const message = await parse(Buffer.from(decode(enclosed[0]?.content), 'utf8'));
  return message === undefined
    ? { refused: 'the enclosed message cannot be read' }
    : buildClaim(fields, message);
}

async function parse(bytes: Uint8Array): Promise<Email | undefined> {
  try {
    return await PostalMime.parse(bytes, {
      forceRfc822Attachments: true,
      attachmentEncoding: 'arraybuffer',
      maxNestingDepth: DEEPEST,
      maxHeadersSize: 200_000,
    });
  } catch {
    return undefined; // too deep, or a header without an end
  }
}

function isFeedbackReport({ headers }: Email): boolean {
  const types = headers.filter(({ key }) => key === 'content-type');
  const [type = ''] = types.map(({ value }) => value.toLowerCase());
  if (types.length !== 1 || !type.startsWith('multipart/report')) return false;
  return type.split(';').some((part) => {
    const [name = '', value = ''] = part.split('=', 2);
    return name.trim() === 'report-type' && value.trim().replaceAll('"', '') === 'feedback-report';
  });
}

function decode(content: ArrayBuffer | Uint8Array | string | undefined): string {
  if (content === undefined || typeof content === 'string') return content ?? '';
  return Buffer.from(content instanceof Uint8Array ? content : new Uint8Array(content)).toString(
    'utf8',
  );
}

/** The fields of a feedback report by name in lower case, folded lines joined. */
function readFields(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return fields;
}

function buildClaim(fields: Map<string, string[]>, { headers }: Email): Read {
  const messageIds = headers.filter(({ key }) => key === 'message-id');
  const messageId = stripBrackets(messageIds[0]?.value ?? '');
  if (messageIds.length !== 1 || messageId === '' || messageId.length > LONGEST)
    return { refused: 'the enclosed message has no Message-ID' };
  const hops = headers
    .filter(({ key }) => key === 'received')
    .slice(0, MOST)
    .flatMap(({ value }) => readReceived(value) ?? []);
  const arrival = Date.parse(
    (fields.get('arrival-date') ?? fields.get('received-date'))?.[0] ?? '',
  );
  const [from] = listAddresses(fields, 'original-mail-from');
  return {
    claim: {
      messageId,
      hops,
      arrival: Number.isNaN(arrival) ? undefined : arrival,
      sender: from,
      recipients: listAddresses(fields, 'original-rcpt-to').slice(0, MOST),
    },
  };
}

/** Addresses without brackets; a part that the sender of the report has removed does not count as one. */
function listAddresses(fields: Map<string, string[]>, name: string): string[] {
  return (fields.get(name) ?? [])
    .map((value) => stripBrackets(value))
    .filter((value) => value.includes('@') && value.length <= LONGEST && !isRedacted(value));
}

/** RFC 6590: the local part is replaced; feedback loops also write `redacted`, `x` and `*`. */
function isRedacted(address: string): boolean {
  return /^(?:redacted|[x*]+)?@|[*]{3}/i.test(address);
}

function stripBrackets(text: string): string {
  const bare = text.trim();
  return bare.startsWith('<') && bare.endsWith('>') ? bare.slice(1, -1) : bare;
}
