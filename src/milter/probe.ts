/** Asks a milter as a mail server would, to see whether one answers. For `postern check`. */
import { connect } from 'node:net';
import { getErrno, getMessage } from '../base/errors.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import { encodeFrame, FrameReader, uint32 } from './frame.ts';

/** What Postfix and Sendmail 8.14 and newer offer. */
export const NEWEST_OFFER = encodeFrame('O', uint32(6) + uint32(0x1ff) + uint32(0x1f_ffff));
const PATIENCE = 3000;

/** Why no milter answers at `address`, the end of a sentence; undefined if one does. Never throws. */
export function probeMilter(address: ListenAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(
      address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    ).setEncoding('latin1');
    const reader = new FrameReader();
    const finish = (why: string | undefined) => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(PATIENCE, () => finish('does not answer'));
    socket.on('error', (error) => finish(describeError(error)));
    socket.on('close', () => finish('closes the connection'));
    socket.on('connect', () => socket.write(NEWEST_OFFER, 'latin1'));
    socket.on('data', (bytes) => {
      const [frame] = reader.read(String(bytes));
      if (frame !== undefined) finish(frame.command === 'O' ? undefined : 'is not a milter');
      else if (reader.isBroken) finish('is not a milter');
    });
  });
}

function describeError(error: unknown): string {
  const code = getErrno(error);
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'ECONNREFUSED') return 'refuses connections: nobody listens there';
  if (code === 'EACCES') return 'may not be used by this account';
  return `cannot be used: ${getMessage(error)}`;
}
