/** A provider that refuses good addresses, through the running service: reported once, blocks released, nobody forgotten. */
import { afterEach, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { loadOutages } from '../../src/store/outages.ts';
import { readText } from '../support/folder.ts';
import { eventually, type RunningService, type Scratch, scratch } from './scratch.ts';

const MINUTE = 60_000;
const RULE = [
  'name: invalid-recipients',
  'description: Mail to addresses that do not exist.',
  'count: invalid',
  'per: submitter',
  'distinct: recipient',
  'limit: 20',
  'period: 1h',
  'action: block',
  '',
].join('\n');

let open: { service?: RunningService; place?: Scratch } = {};

afterEach(async () => {
  await open.service?.stop();
  open.place?.remove();
  open = {};
});

let serial = 0xa000;

/** The lines of one message with one recipient; `ago` in ms. */
function mail(user: string, refused: boolean, ago: number, host = 'mx1.in.big.example'): string[] {
  const id = `${(++serial).toString(16).toUpperCase()}ABCDE`;
  const at = `${new Date(Date.now() - ago).toISOString()} mx1 postfix`;
  const to = `to=<r${serial}@big.example>, relay=${host}[198.51.100.9]:25, delay=1, delays=0/0/0/1`;
  const said = `host ${host}[198.51.100.9] said: 550-5.1.1 The email account that you tried to reach does not exist (in reply to RCPT TO command)`;
  const outcome = refused
    ? `dsn=5.1.1, status=bounced (${said})`
    : 'dsn=2.0.0, status=sent (250 OK)';
  return [
    `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=${user}`,
    `${at}/cleanup[815]: ${id}: message-id=<${serial}@example.net>`,
    `${at}/qmgr[700]: ${id}: from=<${user}>, size=1000, nrcpt=1 (queue active)`,
    `${at}/smtp[822]: ${id}: ${to}, ${outcome}`,
    `${at}/qmgr[700]: ${id}: removed`,
  ];
}

const users = (count: number) => Array.from({ length: count }, (_, n) => `user${n}@example.net`);

async function run(at: Scratch, ...argv: string[]) {
  const out: string[] = [];
  const io = { stdout: (text: string) => void out.push(text), stderr: () => undefined };
  const status = await main([...argv, '--config', at.config], io);
  return { status, out: out.join('') };
}

/** The block is decided before it is written: there may be no file yet. */
function lists(at: Scratch, user: string): boolean {
  return readText(at.path('maps/sasl_access')).includes(`\n${user}\t`);
}

it('ends the block that rests on it, tells once, and goes on with all others', async () => {
  const at = scratch({ rule: RULE });
  open.place = at;
  open.service = at.start();
  for (let ago = 170; ago > 5; ago -= 15) {
    at.write(...users(20).flatMap((user) => mail(user, false, ago * MINUTE)));
  }
  const refused = (user: string, count: number, host?: string) =>
    Array.from({ length: count }, () => mail(user, true, MINUTE, host)).flat();
  at.write(...refused('news@example.net', 20));
  const blocks = () => at.withStore((store) => store.blocks.history(10));
  expect(await eventually(() => blocks().length === 1)).toBe(true);
  expect(await eventually(() => lists(at, 'news@example.net'))).toBe(true);

  at.write(...users(10).flatMap((user) => mail(user, true, 0)));
  expect(await eventually(() => !lists(at, 'news@example.net'))).toBe(true);
  expect(blocks()).toMatchObject([{ key: { id: 'news@example.net' }, releasedBy: 'guard' }]);
  expect(
    await eventually(() => at.mails().some((text) => text.includes('refuses addresses'))),
  ).toBe(true);
  expect((await run(at, 'status')).out).toContain(
    'provider outage, refusals do not count: big.example since',
  );
  expect((await run(at, 'report')).out).toContain('Provider outages: refusals that did not count');
  expect((await run(at, 'blocks', '--all')).out).toContain(
    'its refusals came from a provider outage',
  );

  await open.service.stop();
  open.service = at.start();
  at.write(...refused('news@example.net', 40));
  for (let n = 0; n < 3; n++) at.write(...mail('thief@example.net', true, 0));
  for (let n = 0; n < 20; n++) at.write(...mail('thief@example.net', true, 0, 'mx.other.example'));
  expect(await eventually(() => lists(at, 'thief@example.net'))).toBe(true);
  await open.service.stop();
  delete open.service;
  expect(lists(at, 'news@example.net')).toBe(false);
  const thief = (await run(at, 'explain', 'thief@example.net')).out;
  expect(thief).toContain(
    'Counted: 20 (limit 20) in 1h\n  Not counted: 3 refusals by big.example during its outage',
  );
  expect(thief).toContain('Recipients: 20 different');
  const news = (await run(at, 'explain', 'news@example.net')).out;
  expect(news).toContain('Counted before the outage was detected: 20 refusals by big.example');
  expect(at.withStore(loadOutages)).toMatchObject([
    { provider: 'big.example', released: [{ key: { id: 'news@example.net' } }] },
  ]);
  expect(at.mails().filter((text) => text.includes('refuses addresses'))).toHaveLength(1);
});
