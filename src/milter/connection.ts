/**
 * The dialogue over a socket. From a peer that does not read its answers, or that sends commands without waiting for them,
 * nothing more is read for now. Idle connections stay open for as long as the mail server likes: if the filter closes
 * one, the rest of that SMTP session is lost.
 */
import type { Socket } from 'node:net';
import { Dialogue, type DialogueOptions } from './dialogue.ts';
import { FrameReader } from './frame.ts';

export interface Connection {
  /** Ends it at once. */
  destroy(): void;
}

/** No mail server sends this many commands before their answers. */
const MOST_WAITING = 64;
/** How long the last bytes may take to leave, ms. */
const LAST_BYTES = 2000;

/** Serves `socket` until it is closed. `broken` is told what was against the protocol. */
export function serve(
  socket: Socket,
  options: Omit<DialogueOptions, 'send' | 'end'>,
  broken: (why: string) => void,
): Connection {
  const reader = new FrameReader();
  const dialogue = new Dialogue({
    ...options,
    send(bytes) {
      if (!socket.write(bytes, 'latin1')) socket.pause();
      else if (dialogue.waiting <= MOST_WAITING && socket.isPaused()) socket.resume();
    },
    end(why) {
      if (why !== undefined) broken(why);
      finish(socket);
    },
  });
  socket.on('error', () => {}); // the peer is gone: close follows
  socket.on('end', () => dialogue.close());
  socket.on('close', () => dialogue.close());
  socket.on('drain', () => {
    if (dialogue.waiting <= MOST_WAITING) socket.resume();
  });
  socket.on('data', (bytes: Buffer) => {
    dialogue.receive(reader.read(bytes.toString('latin1')));
    if (reader.isBroken) dialogue.break('a frame without length, or longer than 1 MiB');
    else if (dialogue.waiting > MOST_WAITING) socket.pause();
  });
  return { destroy: () => void socket.destroy() };
}

/** After the last answer: the peer may not be reading, or not closing. */
function finish(socket: Socket): void {
  socket.removeAllListeners('data').resume();
  const timer = setTimeout(() => socket.destroy(), LAST_BYTES);
  socket.once('close', () => clearTimeout(timer));
  socket.end(() => socket.destroy());
}
