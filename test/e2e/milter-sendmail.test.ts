/** The milter with a real Sendmail, over a unix socket and over TCP. */
import { afterAll, beforeAll, describe } from 'vitest';
import {
  hasSendmail,
  type SendmailServer,
  sendmailFolder,
  startSendmail,
} from '../support/sendmail.ts';
import { freePorts } from '../support/server.ts';
import { type Hop, ScriptedMilter, startHop } from './milter.ts';
import { describeMilter } from './milter-cases.ts';

describe.runIf(hasSendmail()).each(['unix', 'inet'])('over %s', (kind) => {
  const milter = new ScriptedMilter();
  let hop: Hop;
  let server: SendmailServer;

  beforeAll(async () => {
    hop = await startHop();
    const folder = sendmailFolder();
    const [port] = (await freePorts(1)) as [number];
    await milter.listen(folder.path, port);
    server = await startSendmail(folder, {
      nextHopPort: hop.port,
      milter: kind === 'unix' ? 'local:{dir}/milter' : `inet:${port}@127.0.0.1`,
    });
  });
  afterAll(async () => {
    await server?.stop();
    await milter.server.end(0);
    await hop?.close();
  });

  describeMilter('Sendmail', () => ({
    milter,
    hop,
    port: server.port,
    localAddress: '127.0.0.1',
    prefix: (address) => `${address}... `,
    evidence: () => server.evidence(),
  }));
});
