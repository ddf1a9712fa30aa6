/**
 * Stands for the rest of the Internet: one SMTP server on loopback that accepts every message, and refuses every
 * recipient whose local part starts with `nobody`, like a remote server that knows its mailboxes.
 */
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { until } from './folder.ts';

/** A reply of the sink that is not 250. `text` may start with an enhanced status code. */
export interface SinkReply {
  readonly code: number;
  readonly text: string;
}

export interface SinkMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** header and body as sent, CRLF line ends */
  readonly data: string;
}

export interface SinkOptions {
  /** Answer to RCPT; undefined accepts. Default: `nobody...` is unknown, RFC 3463 5.1.1. */
  readonly onRecipient?: (recipient: string) => SinkReply | undefined;
  /** Answer to the end of a message; undefined accepts. */
  readonly onMessage?: (message: SinkMessage) => SinkReply | undefined;
  /** ms before every answer to RCPT */
  readonly delay?: number;
}

export interface Sink {
  readonly port: number;
  readonly messages: readonly SinkMessage[];
  /** every RCPT that arrived, refused or not */
  readonly recipients: readonly string[];
  /** The first message for `recipient` (any, when it satisfies `test`); waits for it. */
  messageTo(recipient: string, test?: (message: SinkMessage) => boolean): Promise<SinkMessage>;
  /** Forgets what has arrived. */
  clear(): void;
  stop(): Promise<void>;
}

/** 550 5.1.1 for `nobody...`. */
export function unknownNobody(recipient: string): SinkReply | undefined {
  if (!recipient.toLowerCase().startsWith('nobody')) return undefined;
  return { code: 550, text: `5.1.1 <${recipient}>: Recipient address rejected: User unknown` };
}

export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const messages: SinkMessage[] = [];
  const recipients: string[] = [];
  const onRecipient = options.onRecipient ?? unknownNobody;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onRcptTo(address, _session, callback) {
      recipients.push(address.address);
      const answer = () => callback(errorOf(onRecipient(address.address)));
      if (options.delay === undefined) answer();
      else setTimeout(answer, options.delay);
    },
    onData(stream, session, callback) {
      readMessage(stream, session, (message) => {
        const refusal = options.onMessage?.(message);
        if (refusal === undefined) messages.push(message);
        callback(errorOf(refusal));
      });
    },
  });
  server.on('error', () => {}); // a client that breaks off is part of the game
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    messages,
    recipients,
    messageTo: (recipient, test) =>
      until(`a message to ${recipient}`, () =>
        messages.find((m) => m.recipients.includes(recipient) && (test?.(m) ?? true)),
      ),
    clear() {
      messages.length = 0;
      recipients.length = 0;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function errorOf(reply: SinkReply | undefined): Error | null {
  if (reply === undefined) return null;
  return Object.assign(new Error(reply.text), { responseCode: reply.code });
}

function readMessage(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  done: (message: SinkMessage) => void,
): void {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const from = session.envelope.mailFrom;
    done({
      sender: from === false ? '' : from.address,
      recipients: session.envelope.rcptTo.map((recipient) => recipient.address),
      data: Buffer.concat(chunks).toString('utf8'),
    });
  });
}
