/**
 * The fixes that `postern check` prints for an smtpd with a restriction list of its own in master.cf, done as they are
 * printed on a real Postfix: whom it accepted before it accepts after, and it holds whom Postern blocks.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { checkPostfixWiring } from '../../src/setup/postfix/wiring.ts';
import {
  hasPostfix,
  indexedMapType,
  type PostfixServer,
  startPostfix,
} from '../support/postfix.ts';
import { postfixTargets } from '../support/recipes.ts';
import { freePorts } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { type ConnectOptions, sendMail } from '../support/smtp-client.ts';

/** Nobody listens there, so the default action decides. */
const SERVICE = 'inet:127.0.0.1:1, try_limit=1, timeout=1s';

/** What `-o` says of smtpd_data_restrictions, with what a shape has that others do not. */
const LISTS: readonly string[] = [
  'permit_mynetworks,permit_sasl_authenticated,reject',
  '{ smtpd_data_restrictions = reject_unauth_pipelining, permit_sasl_authenticated, reject }',
  '{ smtpd_data_restrictions = $mine, permit_sasl_authenticated }',
  `{ smtpd_data_restrictions = check_policy_service { ${SERVICE}, default_action=DUNNO } }`,
  // An action of several words, and one with a quote.
  `{ smtpd_data_restrictions = check_policy_service { ${SERVICE}, { default_action = PREPEND X-Note: it is, well, fine } }, permit_sasl_authenticated, reject }`,
  '{ smtpd_data_restrictions = check_sender_access inline:{ {someone@example.net = PREPEND X-Note: two words, one comma} }, permit }',
  "{ smtpd_data_restrictions = check_sender_access inline:{ {nobody@example.net = REJECT don't} }, permit_sasl_authenticated }",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own
  '{ smtpd_data_restrictions = ${stress?{reject}:{permit_mynetworks}}, permit_sasl_authenticated, defer }',
  '{ smtpd_data_restrictions = Class, reject }',
  '',
];

const SESSIONS: Readonly<Record<string, Partial<ConnectOptions>>> = {
  client: { localAddress: '127.0.0.2' },
  user: { auth: { user: 'alice@example.net', password: 'secret' } },
  'blocked user': { auth: { user: 'mallory@example.net', password: 'secret' } },
};

describe.runIf(hasPostfix())('a list of master.cf', () => {
  let sink: Sink;
  let server: PostfixServer;
  let config: Config;
  let ports: number[];
  let before: Record<string, Outcome>[];

  interface Outcome {
    readonly reply: string;
    readonly held: boolean;
  }

  beforeAll(async () => {
    sink = await startSink();
    ports = await freePorts(LISTS.length);
    const type = await indexedMapType();
    const service = (list: string, index: number) => {
      const option = list.startsWith('{') ? list : `smtpd_data_restrictions=${list}`;
      return `127.0.0.1:${ports[index]} inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n  -o ${option}`;
    };
    server = await startPostfix({
      sinkPort: sink.port,
      users: { 'alice@example.net': 'secret', 'mallory@example.net': 'secret' },
      masterCf: LISTS.map(service).join('\n'),
      mainCf:
        'smtpd_restriction_classes = class\nclass = permit_mynetworks, permit_sasl_authenticated\nmine = reject_unauth_pipelining, permit_mynetworks',
    });
    const etc = server.configuration;
    config = parseConfig(
      `${postfixTargets(etc, type)}\npolicy: { listen: "inet:127.0.0.1:2" }\n`,
      server.folder.at('postern.yaml'),
    );
    server.folder.write('etc/postern/sasl_access', 'mallory@example.net HOLD\n');
    server.folder.write('etc/postern/client_access', '');
    server.folder.write('etc/postern/sender_access', '');
    server.folder.write('etc/postern/submit_users', '');
    for (const table of ['sasl_access', 'sender_access'])
      await server.postmap(`${type}:${etc}/postern/${table}`);
    before = await playAll();
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  async function playAll(): Promise<Record<string, Outcome>[]> {
    const all = [];
    for (const port of ports) {
      const outcomes: Record<string, Outcome> = {};
      for (const [who, from] of Object.entries(SESSIONS)) outcomes[who] = await play(port, from);
      all.push(outcomes);
    }
    return all;
  }

  async function play(port: number, from: Partial<ConnectOptions>): Promise<Outcome> {
    const mail = { sender: 'someone@example.net', recipients: ['a@example.org'] };
    const { data, recipients } = await sendMail({ port, ...from }, mail);
    const { code, text } = data ?? recipients[0] ?? { code: 0, text: '' };
    const queueId = /queued as (\w+)/.exec(text)?.[1];
    const held = readdirSync(server.folder.at('queue/hold')).includes(queueId ?? '');
    return { reply: queueId === undefined ? `${code} ${text}` : `${code}`, held };
  }

  /** Does what a fix says; returns false if it is not about this list of a service. */
  function applyFix(name: string, list: string, fix: string): boolean {
    const [what = ''] = fix.split('\nin place of:');
    const command = /(postconf -c \S+ -P '[^']*'), then run postfix -c \S+ reload/.exec(what)?.[1];
    if (command !== undefined) {
      execFileSync('sh', ['-c', command]);
      return command.includes(`${name}/${list}=`);
    }
    const option =
      /give (\S+) this in \S+\/master\.cf, then run postfix -c \S+ reload:\n {2}(-o [\s\S]*)$/.exec(
        what,
      );
    if (option?.[1] !== name || option[2]?.includes(list) !== true) return false;
    // A later -o of the same name wins.
    const masterCf = server.folder.read('etc/master.cf');
    const head = masterCf.indexOf(`${name.replace('/inet', '')} inet`);
    const end = masterCf.indexOf('\n', masterCf.indexOf('smtpd_data_restrictions', head));
    server.folder.write(
      'etc/master.cf',
      `${masterCf.slice(0, end)}\n  ${option[2]}${masterCf.slice(end)}`,
    );
    return true;
  }

  it('is mended by what check prints, and nobody else notices', async () => {
    const masterCf = server.folder.read('etc/master.cf');
    // Before it is tried again.
    onTestFailed(() => void server.folder.write('etc/master.cf', masterCf));
    const postconf = ['postconf', '-c', server.configuration];
    const findings = await checkPostfixWiring(config, postconf);
    const undone = LISTS.filter((_, index) => {
      const name = `127.0.0.1:${ports[index]}/inet`;
      const fixes = findings.filter(({ text }) =>
        text.startsWith(`${name} does not use check_sasl`),
      );
      return !fixes.some(({ fix }) => applyFix(name, 'smtpd_data_restrictions', fix ?? ''));
    });
    expect(undone).toEqual([]);
    await server.reload();
    const after = await playAll();
    const wrong = LISTS.flatMap((list, index) =>
      Object.keys(SESSIONS).flatMap((who) => {
        const [was, is] = [before[index]?.[who], after[index]?.[who]];
        const isHeld = who === 'blocked user' && was?.reply === '250';
        const isRight = was?.reply === is?.reply && is?.held === isHeld;
        return isRight ? [] : [`${who}: ${JSON.stringify([was, is])}: ${list}`];
      }),
    );
    expect(wrong).toEqual([]);
  }, 60_000);
});
