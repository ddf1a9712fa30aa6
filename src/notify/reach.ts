/** Whether the server that notices go to can be reached. Sends nothing. */
import { connect } from 'node:net';
import { getErrno } from '../base/errors.ts';

/** Connects and closes the connection; undefined, or why there was none within `timeout` ms. */
export function connectFailure(
  { host, port }: { readonly host: string; readonly port: number },
  timeout: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const end = (failure?: string) => {
      socket.destroy();
      resolve(failure);
    };
    socket.on('connect', () => end());
    socket.on('timeout', () => end('timeout'));
    socket.on('error', (error) => end(getErrno(error) ?? error.message));
  });
}
