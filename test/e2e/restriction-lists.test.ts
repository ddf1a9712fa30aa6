/**
 * What `postern init` and `postern check` make of a restriction list, and what they say about it, on a real Postfix:
 * generated lists, each on an smtpd of its own beside one with the merged list, and the same sessions against both.
 */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { dataLines, postfixRestrictions } from '../../src/setup/postfix/recipe.ts';
import { findPlace, type SmtpdService, smtpdServices } from '../../src/setup/postfix/services.ts';
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

/** New lists in each run; a failure prints the list. */
const GENERATED = 14;

const PARAMETERS: Readonly<Record<string, string>> = {
  harmless: 'reject_unauth_pipelining',
  login_only: 'permit_sasl_authenticated, reject',
  networks: 'permit_mynetworks',
  Mine: 'permit_mynetworks, warn_if_reject reject',
  closed: 'defer',
};
const CLASSES = ['Mine', 'closed', 'harmless'];

/** Lists that were once merged or judged wrongly, and corners of the grammar. */
const KNOWN: readonly string[] = [
  '',
  'reject',
  'permit_sasl_authenticated, reject',
  'permit_mynetworks permit_sasl_authenticated reject',
  'permit_sasl_authenticated,\n  permit_mynetworks,\n  defer',
  'PERMIT_MYNETWORKS, Reject',
  '$login_only',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own
  'warn_if_reject reject, ${networks}, closed',
  'check_client_access inline:{ {127.0.0.2 = OK}, 192.0.2.1=REJECT }, permit_sasl_authenticated, reject',
  'check_sender_access { inline:{ {x@example.net = REJECT no, you} } }',
  'hash:/etc/postfix/access, permit',
];

const ELEMENTS = [
  'permit',
  'reject',
  'defer',
  'permit_mynetworks',
  'permit_sasl_authenticated',
  'PERMIT_sasl_authenticated',
  'permit_auth_destination',
  'permit_inet_interfaces',
  'reject_unauth_pipelining',
  'reject_unauth_destination',
  'reject_non_fqdn_sender',
  'warn_if_reject reject',
  'warn_if_reject Mine',
  'defer_if_permit',
  'defer_if_reject',
  'sleep 0',
  'check_client_access inline:{ {127.0.0.2 = OK}, 192.0.2.1=REJECT }',
  'check_sender_access inline:{ {nobody@example.net = REJECT not, you} }',
  'check_sasl_access inline:{bob@example.net=OK}',
  'Mine',
  'closed',
  '$harmless',
  '$networks',
  '$(login_only)',
  'OURS_USER',
  'OURS_CLIENT',
];

const SEPARATORS = [', ', ' ', ',', ',\n    ', '\n\t', ' , '];

const LIST = fc
  .array(fc.tuple(fc.constantFrom(...ELEMENTS), fc.constantFrom(...SEPARATORS)), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.map(([element, end]) => element + end).join(''));

/** Who comes to each smtpd. 127.0.0.1 is a stranger, 127.0.0.2 and 127.0.0.3 are in mynetworks. */
const user = (name: string, localAddress: string): Partial<ConnectOptions> => ({
  auth: { user: `${name}@example.net`, password: 'secret' },
  localAddress,
});
const SESSIONS = {
  stranger: {},
  client: { localAddress: '127.0.0.2' },
  user: user('alice', '127.0.0.1'),
  'user in mynetworks': user('alice', '127.0.0.2'),
  'blocked client': { localAddress: '127.0.0.3' },
  'blocked user': user('mallory', '127.0.0.1'),
  'blocked user in mynetworks': user('mallory', '127.0.0.2'),
} satisfies Record<string, Partial<ConnectOptions>>;
type Who = keyof typeof SESSIONS;
const WHO = Object.keys(SESSIONS) as Who[];

interface Outcome {
  readonly code: number;
  readonly held: boolean;
}
type Outcomes = Record<Who, Outcome>;

interface Case {
  readonly list: string;
  readonly merged: string;
  readonly before: SmtpdService;
  readonly after: SmtpdService;
  readonly played: { readonly before: Outcomes; readonly after: Outcomes };
}

describe.runIf(hasPostfix())('a restriction list', () => {
  let sink: Sink;
  let server: PostfixServer;
  let config: Config;
  const cases: Case[] = [];

  beforeAll(async () => {
    sink = await startSink();
    const lists = [...KNOWN, ...fc.sample(LIST, GENERATED)];
    const ports = await freePorts(2 * lists.length);
    const type = await indexedMapType();
    const smtpd = (port: number | undefined, name: string) =>
      `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_data_restrictions=$${name}`;
    const masterCf = lists
      .flatMap((_, index) => [
        smtpd(ports[2 * index], `before_${index}`),
        smtpd(ports[2 * index + 1], `after_${index}`),
      ])
      .join('\n');
    server = await startPostfix({
      sinkPort: sink.port,
      users: Object.fromEntries(
        ['alice', 'bob', 'mallory'].map((name) => [`${name}@example.net`, 'secret']),
      ),
      masterCf,
    });
    const etc = server.configuration;
    config = parseConfig(postfixTargets(etc, type), '/etc/postern/postern.yaml');
    server.folder.write('etc/postern/sasl_access', 'mallory@example.net HOLD\n');
    server.folder.write('etc/postern/client_access', '127.0.0.3/32 HOLD\n');
    server.folder.write('etc/postern/sender_access', '');
    for (const table of ['sasl_access', 'sender_access'])
      await server.postmap(`${type}:${etc}/postern/${table}`);
    const { postfix } = config.targets;
    const [ourUser, , ourClient] = postfixRestrictions(postfix).map(
      ({ check, map }) => `${check} ${map}`,
    );
    const texts = lists.map((list) =>
      list
        .replaceAll('OURS_USER', ourUser as string)
        .replaceAll('OURS_CLIENT', ourClient as string)
        .trim(),
    );
    const lookup = (name: string) =>
      PARAMETERS[
        Object.keys(PARAMETERS).find((key) => key.toLowerCase() === name.toLowerCase()) ?? ''
      ];
    const merged = texts.map((text) =>
      dataLines(postfix, text, lookup)
        .replace(/^smtpd_data_restrictions =\s*/, '')
        .trim(),
    );
    await server.configure(
      [
        'smtpd_sasl_auth_enable = yes',
        `smtpd_restriction_classes = ${CLASSES.join(', ')}`,
        ...Object.entries(PARAMETERS).map(([name, value]) => `${name} = ${value}`),
        ...texts.map((text, index) => `before_${index} = ${text}`),
        ...merged.map((text, index) => `after_${index} = ${text}`),
      ].join('\n'),
    );
    const services = new Map(
      (await readServices(etc)).map((service) => [service.name.split('/')[0], service] as const),
    );
    for (const [index, text] of texts.entries()) {
      const [one = 0, other = 0] = ports.slice(2 * index);
      cases.push({
        list: text,
        merged: merged[index] as string,
        before: services.get(`127.0.0.1:${one}`) as SmtpdService,
        after: services.get(`127.0.0.1:${other}`) as SmtpdService,
        played: { before: await playAll(one), after: await playAll(other) },
      });
    }
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  function readServices(etc: string): Promise<SmtpdService[]> {
    const main = new Map(
      Object.entries({
        smtpd_sasl_auth_enable: 'yes',
        smtpd_restriction_classes: CLASSES.join(' '),
        smtpd_delay_reject: 'yes',
        smtpd_data_restrictions: '',
      }),
    );
    return smtpdServices(['postconf', '-c', etc], main);
  }

  async function playAll(port: number): Promise<Outcomes> {
    const outcomes: Partial<Outcomes> = {};
    for (const who of WHO) outcomes[who] = await play(port, SESSIONS[who]);
    return outcomes as Outcomes;
  }

  async function play(port: number, from: Partial<ConnectOptions>): Promise<Outcome> {
    const recipient =
      'auth' in from || from.localAddress !== undefined ? 'a@example.org' : 'a@example.net';
    const mail = { sender: 'someone@example.net', recipients: [recipient] };
    const { data, recipients } = await sendMail({ port, ...from }, mail);
    const { code, text } = data ?? recipients[0] ?? { code: 0, text: '' };
    const queueId = /queued as (\w+)/.exec(text)?.[1];
    const hold = server.folder.at('queue/hold');
    return { code, held: queueId !== undefined && readdirSync(hold).includes(queueId) };
  }

  /** What is wrong, for each list; the list is in the message. */
  function collect(judge: (one: Case) => readonly string[]): string[] {
    return cases.flatMap((one) =>
      judge(one).map((text) => `${text}\n  list: ${one.list}\n  merged: ${one.merged}`),
    );
  }

  it('keeps every entry and its order when it is merged', () => {
    const own = postfixRestrictions(config.targets.postfix).map(
      ({ check, map }) => `${check} ${map}`,
    );
    const entries = (text: string) => own.reduce((rest, one) => rest.replaceAll(one, ''), text);
    const flat = (text: string) =>
      entries(text)
        .replaceAll(/[\s,]+/g, ' ')
        .trim();
    const wrong = collect(({ list, merged }) => {
      const skip = ' permit_sasl_authenticated';
      const isKept =
        flat(merged) === flat(list) || flat(` ${merged}`) === `${flat(list)}${skip}`.trim();
      return isKept ? [] : ['an entry is lost or moved'];
    });
    expect(wrong).toEqual([]);
  });

  it('accepts and refuses after the merge whom it did before, unless blocked', () => {
    const wrong = collect(({ played: { before, after } }) =>
      (['stranger', 'client', 'user', 'user in mynetworks'] as const)
        .filter((who) => before[who].code !== after[who].code || after[who].held)
        .map((who) => `${who}: ${before[who].code}, then ${JSON.stringify(after[who])}`),
    );
    expect(wrong).toEqual([]);
  });

  it('holds whom Postern blocks, after the merge', () => {
    const wrong = collect(({ played: { before, after } }) =>
      (['blocked client', 'blocked user', 'blocked user in mynetworks'] as const)
        .filter(
          (who) =>
            before[who].code !== after[who].code || (after[who].code === 250 && !after[who].held),
        )
        .map((who) => `${who}: ${before[who].code}, then ${JSON.stringify(after[who])}`),
    );
    expect(wrong).toEqual([]);
  });

  it('holds whom Postern blocks, where check finds the maps in use', () => {
    const all = postfixRestrictions(config.targets.postfix);
    const passing = {
      user: ['blocked user', 'blocked user in mynetworks'],
      client: ['blocked client'],
    } as const;
    const wrong = collect(({ before: service, played: { before } }) =>
      (['user', 'client'] as const).flatMap((target) => {
        const restriction = all.find((one) => one.target === target);
        const place = findPlace(restriction as (typeof all)[number], service, all);
        const passed = passing[target].filter(
          (who) => before[who].code === 250 && !before[who].held,
        );
        const refused = passing[target].every((who) => before[who].code !== 250);
        // These permit some addresses and some recipients only, so one session shows nothing.
        const isPartial = place.kind === 'missing' && /permit_(?:inet|auth)/.test(place.why);
        if (place.kind === 'used' && place.behind === undefined)
          return passed.map((who) => `${who} passes where check finds the map in use`);
        if (place.kind === 'missing' && passed.length === 0 && !refused && !isPartial)
          return [`check misses the map for ${target}${place.why}, but it works`];
        return [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('refuses authenticated users exactly where check says so', async () => {
    const findings = await checkPostfixWiring(config, ['postconf', '-c', server.configuration]);
    const wrong = collect(({ before: service, played: { before } }) => {
      const said = findings.filter(
        ({ text }) => text.startsWith(`${service.name} refuses `) && !text.includes('all mail'),
      );
      const all = said.some(({ level }) => level === 'wrong');
      const isRefused = before.user.code !== 250;
      if (said.length > 0 && !isRefused) return ['check says refused, and Postfix accepts'];
      if (all && before['user in mynetworks'].code === 250)
        return ['check says refused everywhere, and Postfix accepts in mynetworks'];
      const isCertain = !/check_|permit_inet|permit_auth|reject_|sleep/.test(
        service
          .entries('smtpd_data_restrictions')
          .map(({ name }) => name)
          .join(),
      );
      if (said.length === 0 && isRefused && isCertain)
        return ['Postfix refuses, and check says nothing'];
      return [];
    });
    expect(wrong).toEqual([]);
    // Not all of this can pass because there was nothing to see.
    expect(cases.some(({ played }) => played.before.user.code !== 250)).toBe(true);
  });
});
