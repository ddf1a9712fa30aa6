/** The other end of `startHelper` (system.ts): how a helper writes to the process that started it. */
import { Socket } from 'node:net';

/** Writes lines to descriptor 3. When the other process is gone they are dropped: the end of the input shows it, too. */
export function openHelperOutput(): (line: string) => void {
  const output = new Socket({ fd: 3, readable: false, writable: true });
  output.on('error', () => {});
  return (line) => void output.write(`${line}\n`);
}
