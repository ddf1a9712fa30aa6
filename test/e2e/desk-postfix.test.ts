/** The operator's desk beside a real Postfix, see desk.ts. */
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Store } from '../../src/store/store.ts';
import { hasChromium } from '../support/chromium.ts';
import { until } from '../support/folder.ts';
import { hasPostfix } from '../support/postfix.ts';
import { idOf } from '../support/server.ts';
import { startSink } from '../support/sink.ts';
import { type DeskPage, startDeskPage, testDesk } from './desk.ts';
import { startPostfixRig } from './rig-postfix.ts';

describe.runIf(hasPostfix() && hasChromium())(
  'the desk beside Postfix',
  { timeout: 60_000 },
  () => {
    testDesk(startPostfixRig);
  },
);

describe.runIf(hasPostfix())(
  'a page without rights at the mail server',
  { timeout: 60_000 },
  () => {
    const account = {
      uid: idOf('/etc/passwd', 'www-data') ?? 0,
      gid: idOf('/etc/group', 'postdrop') ?? 0,
    };
    const ends: (() => Promise<unknown>)[] = [];
    let page: DeskPage;
    let queueId = '';

    beforeAll(async () => {
      const sink = await startSink({ onRecipient: () => ({ code: 451, text: '4.3.2 later' }) });
      ends.push(() => sink.stop());
      const rig = await startPostfixRig(sink.port);
      ends.push(() => rig.stop());
      await rig.submit('alice@example.net', ['a1@example.org']);
      queueId = await until('the deferral', async () => (await rig.queue())[0]?.queueId);
      page = await startDeskPage(rig, {
        account,
        prepare(path) {
          const store = new Store(join(path, 'postern.db'));
          const submitter = { type: 'user', id: 'alice@example.net' } as const;
          store.commit(() => {
            store.blocks.start({ key: submitter, cause: 'manual', start: Date.now() });
            store.state.saveMessages([{ host: 'mx', queueId, touched: 1, submitter }], []);
          });
          store.close();
          for (const name of ['', ...readdirSync(path)])
            chownSync(join(path, name), account.uid, account.gid);
        },
      });
      ends.push(() => page.stop());
    }, 60_000);
    afterAll(async () => {
      for (const end of ends.reverse()) await end();
    });

    it('lists the queue, and says what root has to type', async () => {
      await page.logIn();
      expect(await page.get('/story/queue?id=alice%40example.net')).toContain(queueId);
      const said = await page.act('queue', {
        ...{ id: 'alice@example.net', do: 'hold', message: queueId },
      });
      expect(said).toContain('reserved for the superuser');
      expect(said).toContain(`on the server: postern queue --hold id:${queueId}`);
      expect(await page.get('/story?id=alice%40example.net')).toContain(
        'hold 1 queued message by ann, which failed',
      );
    });
  },
);
