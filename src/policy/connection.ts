/**
 * One connection of a mail server: any number of requests, and the answers in their order. From a peer that does not
 * read its answers nothing more is read. A peer whose request does not end is answered DUNNO and disconnected.
 */
import type { Socket } from 'node:net';
import { DUNNO } from './blocklist.ts';
import { type PolicyRequest, RequestReader } from './request.ts';

/** The action for a request; must not throw. */
export type Decide = (request: PolicyRequest) => string;

export interface Connection {
  /** Ends it once the request that has begun to arrive is answered. */
  end(): void;
  /** Ends it at once. */
  destroy(): void;
}

/** Longer than Postfix uses one connection (smtpd_policy_service_max_ttl, 1000 s): for peers that are gone, ms. */
const IDLE_LIMIT = 1_800_000;
/** A mail server connects when it has a request: a peer that sends none is not a mail server, ms. */
const FIRST_LIMIT = 10_000;

/** Serves `socket` until it is closed. `patience`: how long to wait for the first request, ms. */
export function serve(socket: Socket, decide: Decide, patience = FIRST_LIMIT): Connection {
  const reader = new RequestReader();
  let isEnding = false;
  socket.setEncoding('latin1');
  socket.setNoDelay(true);
  socket.setTimeout(patience, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // the peer broke off: it connects again if it needs an answer
  socket.on('drain', () => socket.resume());
  socket.on('data', (bytes: Buffer | string) => {
    const answers = reader
      .read(String(bytes))
      .map((request) => formatAnswer(request === undefined ? DUNNO : decide(request)));
    if (answers.length > 0) socket.setTimeout(IDLE_LIMIT);
    if (reader.isTooLong) return disconnect(socket, answers.join(''));
    if (answers.length > 0 && !socket.write(answers.join(''), 'latin1')) socket.pause();
    if (isEnding && !reader.isWaiting) socket.end();
  });
  return {
    end() {
      isEnding = true;
      if (!reader.isWaiting) socket.end();
    },
    destroy: () => void socket.destroy(),
  };
}

/** After a request that is too long: nobody knows where the next one would begin. */
function disconnect(socket: Socket, answers: string): void {
  socket.removeAllListeners('data').pause();
  socket.end(`${answers}${formatAnswer(DUNNO)}`, 'latin1', () => socket.destroy());
}

function formatAnswer(action: string): string {
  return `action=${action}\n\n`;
}
