/**
 * One connection of a mail server: requests in, answers out in their order, as many as it likes. A peer that does not
 * read its answers is not read from either; one that sends no end of a request is told DUNNO and left.
 */
import type { Socket } from 'node:net';
import { DUNNO } from './blocklist.ts';
import { type PolicyRequest, RequestReader } from './request.ts';

/** The action for a request; must not throw. */
export type Decide = (request: PolicyRequest) => string;

export interface Connection {
  /** Ends it once what has begun to arrive is answered. */
  end(): void;
  /** Ends it at once. */
  destroy(): void;
}

/** Longer than Postfix uses one connection (smtpd_policy_service_max_ttl, 1000 s): for peers that are gone. */
const IDLE_LIMIT = 1_800_000;
/** A mail server connects when it has a question: who does not ask then is none, ms. */
const FIRST_LIMIT = 10_000;

/** Serves `socket` until it is closed; `patience` (ms): for the first request. */
export function serve(socket: Socket, decide: Decide, patience = FIRST_LIMIT): Connection {
  const reader = new RequestReader();
  let isEnding = false;
  socket.setEncoding('latin1');
  socket.setNoDelay(true);
  socket.setTimeout(patience, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // the peer broke off: it asks again if it wants to know
  socket.on('drain', () => socket.resume());
  socket.on('data', (bytes: Buffer | string) => {
    const answers = reader
      .read(String(bytes))
      .map((request) => answerText(request === undefined ? DUNNO : decide(request)));
    if (answers.length > 0) socket.setTimeout(IDLE_LIMIT);
    if (reader.isTooLong) return refuse(answers.join(''));
    if (answers.length > 0 && !socket.write(answers.join(''), 'latin1')) socket.pause();
    if (isEnding && !reader.isWaiting) socket.end();
  });
  /** Where the next request would begin is unknown. */
  function refuse(answers: string): void {
    socket.removeAllListeners('data').pause();
    socket.end(`${answers}${answerText(DUNNO)}`, 'latin1', () => socket.destroy());
  }
  return {
    end() {
      isEnding = true;
      if (!reader.isWaiting) socket.end();
    },
    destroy: () => void socket.destroy(),
  };
}

function answerText(action: string): string {
  return `action=${action}\n\n`;
}
