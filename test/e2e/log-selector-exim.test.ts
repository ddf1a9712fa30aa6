/** What is read of a real Exim's log under different values of `log_selector`, and when it delivers while it receives. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvents } from '../../src/interpret/files.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { hasExim, startExim } from '../support/exim.ts';
import { until } from '../support/folder.ts';
import { type NextHop, startNextHop } from '../support/next-hop.ts';
import { sendMail } from '../support/smtp-client.ts';

const GONE = '550 5.1.1 <gone@example.com>: Recipient address rejected: User unknown';
const USER = { type: 'user', id: 'alice@example.net' };

async function readLog(file: string): Promise<readonly MailEvent[]> {
  const events: MailEvent[] = [];
  for await (const batch of readEvents([file], { now: Date.now() })) events.push(...batch.events);
  return events;
}

describe.runIf(hasExim())('log_selector', () => {
  let hop: NextHop;
  beforeAll(async () => {
    hop = await startNextHop((asked) => (asked.startsWith('RCPT TO:<gone') ? GONE : undefined));
  });
  afterAll(async () => hop.close());

  const bounced = { kind: 'bounced', reason: 'invalid-recipient' };
  // In this mode Exim answers RCPT with what the next hop says, and logs none of it (verify.c).
  const rejected = { kind: 'rejected', reason: 'other' };

  it.each([
    ['', '', bounced],
    ['log_selector = +all', '', bounced],
    ['log_selector = +all -pid -millisec', '', bounced],
    ['log_selector = -all', '', bounced],
    ['log_selector = +all', 'warn control = cutthrough_delivery', rejected],
  ])('%s %s', async (main, rcpt, refused) => {
    const server = await startExim({ sinkPort: hop.port, recipes: [], main, rcpt });
    try {
      const login = { port: server.port, auth: { user: USER.id, password: 'secret' } };
      const recipients = ['gone@example.com', 'there@example.com'];
      await sendMail(login, { sender: USER.id, recipients }).catch(() => undefined);
      await until('the message is completed', () =>
        readFileSync(server.logFile, 'latin1').includes(' Completed'),
      );
      const events = await readLog(server.logFile);
      const about = (recipient: string) => events.find((event) => event.recipient === recipient);
      expect(about('there@example.com')).toMatchObject({ kind: 'delivered', submitter: USER });
      expect(about('gone@example.com')).toMatchObject({ submitter: USER, ...refused });
    } finally {
      await server.stop();
    }
  });
});
