/** The thread that judges for a replay, see trial-thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { unpackBatch } from '../judge/batch-unpacker.ts';
import { type FromThread, TAKEN, type ToThread } from './trial-messages.ts';
import { Trials } from './trials.ts';

const port = parentPort as NonNullable<typeof parentPort>;
const trials = new Trials(workerData);

port.on('message', (batch: ToThread) => {
  if (batch === undefined) {
    answer(trials.findings);
    port.close();
    return;
  }
  unpackBatch(batch, (event) => trials.feed(event));
  answer(TAKEN);
});

function answer(message: FromThread): void {
  port.postMessage(message);
}
