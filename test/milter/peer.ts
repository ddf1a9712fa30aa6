/** A mail server for tests of the milter: builds frames, and talks to a dialogue or to a socket. */
import { connect, type Socket } from 'node:net';
import type { ListenAddress } from '../../src/base/listen-address.ts';
import type { Log } from '../../src/base/log.ts';
import { createCounters } from '../../src/milter/counters.ts';
import { Dialogue } from '../../src/milter/dialogue.ts';
import { encodeFrame, FrameReader, uint32 } from '../../src/milter/frame.ts';
import type { MilterHandler } from '../../src/milter/handler.ts';
import { NEWEST_OFFER } from '../../src/milter/probe.ts';

export const frame = encodeFrame;

export function offer(version = 6, actions = 0x1ff, protocol = 0x1f_ffff): string {
  return frame('O', uint32(version) + uint32(actions) + uint32(protocol));
}

export const macro = (stage: string, ...pairs: readonly string[]) =>
  frame('D', stage + pairs.map((text) => `${text}\0`).join(''));
export const CONNECT = frame('C', 'localhost\x004\xd2\x78127.0.0.1\0');
export const HELO = frame('H', 'x.example\0');
export const mail = (address = '<x@out.example>', ...parameters: readonly string[]) =>
  frame('M', [address, ...parameters].map((text) => `${text}\0`).join(''));
export const rcpt = (address = '<a@in.example>', ...parameters: readonly string[]) =>
  frame('R', [address, ...parameters].map((text) => `${text}\0`).join(''));
export const DATA = frame('T');
export const END = frame('E');
export const ABORT = frame('A');
export const QUIT = frame('Q');
export const RESTART = frame('K');
/** Up to the first MAIL. */
export const BEGIN = NEWEST_OFFER + CONNECT + HELO;
/** One message without content. */
export const MESSAGE = mail() + rcpt() + DATA + END;

/** Replies in short: `c`, `a`, `y 550 5.1.1 text`, `O`, or a change with its strings. */
export function shorten(bytes: string): string[] {
  const reader = new FrameReader();
  return reader
    .read(bytes)
    .map(({ command, data }) =>
      command === 'O' || data === '' ? command : `${command} ${data.replaceAll('\0', '|')}`,
    );
}

/** A dialogue without a socket. */
export function converse(handler: MilterHandler) {
  const counters = createCounters();
  const logged: string[] = [];
  const say = (data: object, text: string) => void logged.push(`${text} ${JSON.stringify(data)}`);
  const reader = new FrameReader();
  const state = { sent: '', handler, ended: undefined as string | undefined, isOver: false };
  const dialogue = new Dialogue({
    number: 1,
    handler: () => state.handler,
    send: (bytes) => {
      state.sent += bytes;
    },
    end(why) {
      state.ended = why;
      state.isOver = true;
    },
    counters,
    log: { debug: () => {}, info: say, warn: say, error: say } as unknown as Log,
  });
  /** What was sent since the last call. */
  const sent = () => {
    const replies = shorten(state.sent);
    state.sent = '';
    return replies;
  };
  /** Hands in bytes; returns the answers that come at once. */
  const hear = (bytes: string) => {
    dialogue.receive(reader.read(bytes));
    return sent();
  };
  return { counters, logged, state, dialogue, hear, sent };
}

/** A handler that notes what it is asked, and answers what `script` says. */
export function noting(script: Partial<MilterHandler> = {}) {
  const events: string[] = [];
  const handler: MilterHandler = {
    name: 'noting',
    actions: ['ADDRCPT', 'DELRCPT', 'CHGFROM', 'ADDRCPT_PAR'],
    ...Object.fromEntries(
      (['connect', 'helo', 'mail', 'rcpt', 'data', 'endOfMessage', 'abort', 'close'] as const).map(
        (stage) => [
          stage,
          (...args: readonly unknown[]) => {
            events.push(stage);
            const answer = (
              script[stage] as ((...all: readonly unknown[]) => unknown) | undefined
            )?.(...args);
            if (answer !== undefined) return answer;
            const verdict = { kind: 'continue' } as const;
            return stage === 'endOfMessage' ? { verdict, changes: [] } : verdict;
          },
        ],
      ),
    ),
  };
  return { handler, events };
}

/** A connection to a server. */
export async function openPeer(address: ListenAddress) {
  const socket: Socket = connect(
    address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
  );
  socket.setEncoding('latin1');
  const state = { bytes: '', isOpen: true };
  socket.on('data', (more) => {
    state.bytes += String(more);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    state.isOpen = false;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    write: (bytes: string) => socket.write(bytes, 'latin1'),
    replies: () => shorten(state.bytes),
    isOpen: () => state.isOpen,
  };
}
