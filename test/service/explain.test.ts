/** What explain and the mails tell of a verdict agrees with what the judge counted. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { main } from '../../src/cli/main.ts';
import { Notices } from '../../src/daemon/notices.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { Block, Key, Verdict } from '../../src/model/block.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { DoubtedRefusals } from '../../src/model/evidence.ts';
import type { Mail } from '../../src/notify/mail.ts';
import { evidenceJson, gatherEvidence } from '../../src/report/evidence.ts';
import type { OutagePeriod } from '../../src/report/outages.ts';
import { Store } from '../../src/store/store.ts';
import { event, invalid, login, START } from '../judge/event.ts';
import { type Scratch, scratch } from './scratch.ts';
import { BIG, SUSPECT } from './suspicion.ts';

const ALICE: Key = { type: 'user', id: 'alice@example.net' };
const OTHER = { relay: { host: 'mx.other.example', address: '203.0.113.9' } };
const VERDICT: Verdict = {
  rule: 'invalid-recipients',
  action: 'block',
  key: ALICE,
  time: START + 30 * MINUTE,
  source: 'mail.log',
  line: 1,
  offset: 0,
  count: 5,
  limit: 5,
  period: 60 * MINUTE,
};
const DOUBTED: DoubtedRefusals = {
  provider: 'big.example',
  refusals: 1,
  since: SUSPECT.since,
  counted: false,
};

function ruleOf(name: string, ...fields: string[]): string {
  const all = [`name: ${name}`, 'description: Too many.', 'per: submitter', 'action: block'];
  return [...all, ...fields, ''].join('\n');
}

const INVALID = ruleOf('invalid-recipients', 'count: invalid', 'limit: 5', 'period: 1h');
const SHARE = ruleOf(
  'invalid-share',
  'count: invalid',
  'ratio-of: recipients',
  'at-least: 15',
  'limit: 25%',
  'period: 1h',
);
const BOUNCED = ruleOf('bounced', 'count: bounced', 'limit: 5', 'period: 1h');
const DOMAINS = ruleOf('domains', 'count: invalid-domain', 'limit: 5', 'period: 1h');

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: INVALID });
});
afterEach(() => at.remove());

function rule(text: string): Rule {
  return parseRule(text, 'rule.yaml');
}

/** Stores the events in their order, each with a recipient and a line of its own, and the suspicions. */
function stored(events: readonly MailEvent[], suspects: readonly OutagePeriod[] = []): void {
  at.withStore((store) =>
    store.commit(() => {
      store.events.insert(events.map((event, offset) => ({ ...event, offset })));
      store.state.write('suspects', suspects);
    }),
  );
}

async function evidenceOf(verdict: Verdict = VERDICT, by: Rule | undefined = rule(INVALID)) {
  const store = new Store(at.path('postern.db'));
  try {
    return await gatherEvidence(store, verdict, undefined, by);
  } finally {
    store.close();
  }
}

/** Alice's refusal by an honest host and by the one that is suspect, `minutes` after START. */
function both(minutes: number, parts: Partial<MailEvent> = {}): MailEvent[] {
  return [
    invalid(minutes * MINUTE, 'a@example.org', { ...OTHER, ...parts }),
    invalid(minutes * MINUTE, 'b@big.example', { ...BIG, ...parts }),
  ];
}

interface Case {
  readonly what: string;
  readonly minutes: number;
  readonly verdict?: Partial<Verdict>;
  readonly suspect?: Partial<OutagePeriod>;
  readonly event?: Partial<MailEvent>;
  readonly by?: Rule;
  readonly expected: { readonly recipients: number; readonly doubted?: readonly DoubtedRefusals[] };
}

const ALL = { recipients: 2 };
const APART = { recipients: 1, doubted: [DOUBTED] };
const FOUND_OUT_LATER = { recipients: 2, doubted: [{ ...DOUBTED, counted: true }] };
const BEGAN = { time: SUSPECT.began };

const CASES: readonly Case[] = [
  { what: 'while the provider is suspect', minutes: 25, expected: APART },
  { what: 'before it was found out, taken back', minutes: 16, expected: APART },
  { what: 'before it began to fail', minutes: 14, expected: ALL },
  {
    what: 'while it was suspect, which is over',
    minutes: 21,
    suspect: { ended: START + 25 * MINUTE },
    expected: { recipients: 1, doubted: [{ ...DOUBTED, ended: START + 25 * MINUTE }] },
  },
  { what: 'after that', minutes: 25, suspect: { ended: START + 25 * MINUTE }, expected: ALL },
  {
    what: 'of mail that is not ours, before it was found out',
    minutes: 16,
    event: { direction: 'inbound' },
    expected: ALL,
  },
  {
    what: 'of mail that is not ours, while it is suspect',
    minutes: 25,
    event: { direction: 'inbound' },
    expected: APART,
  },
  {
    what: 'with a verdict before it was found out',
    minutes: 16,
    verdict: { time: START + 17 * MINUTE },
    expected: FOUND_OUT_LATER,
  },
  {
    what: 'with a verdict in the same second, which was withdrawn',
    minutes: 16,
    verdict: BEGAN,
    suspect: { released: [{ rule: VERDICT.rule, key: ALICE }] },
    expected: FOUND_OUT_LATER,
  },
  { what: 'with a verdict in the same second', minutes: 16, verdict: BEGAN, expected: APART },
  {
    what: 'of another kind, by a host that is suspect',
    minutes: 25,
    event: { reason: 'mailbox-full' },
    expected: ALL,
  },
  { what: 'for a rule that believes all', minutes: 25, by: rule(BOUNCED), expected: ALL },
  { what: 'for a rule that counts others', minutes: 25, by: rule(DOMAINS), expected: ALL },
];

describe('a refusal', () => {
  it.each(CASES)('$what', async ({ minutes, verdict, suspect, event, by, expected }) => {
    stored(both(minutes, event), [{ ...SUSPECT, ...suspect }]);
    const { recipients, doubted } = await evidenceOf({ ...VERDICT, ...verdict }, by);
    expect({ recipients, ...(doubted === undefined ? {} : { doubted }) }).toEqual(expected);
  });

  it('that is told apart is in no list', async () => {
    stored([...both(25), ...both(26)], [SUSPECT]);
    const { events, sample, doubted } = await evidenceOf();
    expect(events).toBe(2);
    expect(sample.map(({ recipient }) => recipient)).toEqual(['a@example.org', 'a@example.org']);
    expect(doubted).toMatchObject([{ refusals: 2 }]);
  });

  it('is told apart by provider and time', async () => {
    const first = {
      ...SUSPECT,
      began: START + 5 * MINUTE,
      since: START,
      ended: START + MINUTE * 10,
    };
    const other = { ...SUSPECT, provider: 'other.example' };
    stored([...both(6), ...both(25)], [first, SUSPECT, other]);
    const { recipients, doubted } = await evidenceOf();
    expect(recipients).toBe(1);
    expect(doubted).toMatchObject([
      { provider: 'big.example', since: first.since, refusals: 1 },
      { provider: 'other.example', refusals: 1 },
      { provider: 'big.example', since: SUSPECT.since, refusals: 1 },
    ]);
  });

  it('is told by the recipient that the sender wrote, as rules count it', async () => {
    const [first, second, third] = ['a@example.org', 'a@EXAMPLE.org', 'b@example.org'].map(
      (originalRecipient, n) => invalid(n * SECOND, 'alias@example.com', { originalRecipient }),
    ) as [MailEvent, MailEvent, MailEvent];
    const { recipient: _, originalRecipient: __, ...without } = third;
    stored([first, second, third, without]);
    const { events, recipients } = await evidenceOf();
    expect({ events, recipients }).toEqual({ events: 4, recipients: 2 });
  });

  it('before an earlier block ended does not count again', async () => {
    const times = [MINUTE, 2 * MINUTE, 3 * MINUTE];
    stored(times.map((time) => invalid(time, `r${time}@example.org`, OTHER)));
    const ended = (time: number, by: 'operator' | 'guard') =>
      at.withStore((store) => {
        const key = ALICE as Block['key'];
        const block = store.blocks.start({ key, cause: 'manual', start: START });
        store.blocks.release(block?.id ?? 0, time, by, 0);
      });
    ended(START + 3 * MINUTE, 'guard');
    expect((await evidenceOf()).recipients).toBe(3);
    ended(START + 2 * MINUTE, 'operator');
    expect((await evidenceOf()).recipients).toBe(1);
  });

  it('has its times as RFC 3339 in JSON', async () => {
    stored(both(25), [SUSPECT]);
    expect(evidenceJson(await evidenceOf())).toMatchObject({
      doubted: [{ provider: 'big.example', since: '2026-11-10T09:15:00.000Z', counted: false }],
    });
  });
});

const NETWORK: Key = { type: 'client-net', id: '192.0.2.0/24' };
const LOGINS = ruleOf('logins', 'count: logins', 'distinct: client', 'limit: 2', 'period: 1h');
const NETS = INVALID.replace('per: submitter', 'per: client-net').replace('block', 'observe');
const HOST =
  'name: h\ndescription: D.\ncount: dsn-sent\nper: host\nlimit: 2\nperiod: 1h\naction: observe\n';
const from = (address: string) => ({ client: { address } });

describe('the evidence of a rule', () => {
  it.each<{ what: string; text: string; key: Key; events: MailEvent[]; times: number[] }>([
    {
      what: 'that counts logins is logins, not the one refusal among them',
      text: LOGINS.replace('per: submitter', 'per: user'),
      key: ALICE,
      events: [login(1, '192.0.2.1'), invalid(2, 'a@example.org'), login(3, '192.0.2.2')],
      times: [1, 3],
    },
    {
      what: 'leaves out whom the rule excepts',
      text: `${INVALID}except: { networks: [ 192.0.2.0/24 ] }\n`,
      key: ALICE,
      events: [
        invalid(1, 'a@example.org', from('192.0.2.1')),
        invalid(2, 'b@example.org', from('198.51.100.1')),
      ],
      times: [2],
    },
    {
      what: 'by network is of that network',
      text: NETS,
      key: NETWORK,
      events: ['192.0.2.1', '198.51.100.1', '192.0.2.9'].map((address, n) =>
        invalid(n, `${n}@example.org`, from(address)),
      ),
      times: [0, 2],
    },
    {
      what: 'by host is of that host, and of the kind that counts',
      text: HOST,
      key: { type: 'host', id: 'mx1' },
      events: [
        event(1, { kind: 'dsn-sent', host: 'mx1' }),
        event(2, { kind: 'dsn-sent', host: 'mx2' }),
        event(3, { kind: 'bounced', host: 'mx1' }),
      ],
      times: [1],
    },
  ])('$what', async ({ text, key, events, times }) => {
    stored(events);
    const { first, last, ...found } = await evidenceOf({ ...VERDICT, key }, rule(text));
    expect(found.events).toBe(times.length);
    expect(first).toBe(START + Math.min(...times));
    expect(last).toBe(START + Math.max(...times));
  });

  it('tells how many addresses there were, and refused recipients only of refusals', async () => {
    stored(Array.from({ length: 30 }, (_, n) => login(n, `192.0.2.${n + 1}`)));
    const by = rule(LOGINS.replace('per: submitter', 'per: user'));
    const { addresses, clients, sample } = await evidenceOf(VERDICT, by);
    expect({ addresses, clients: clients.length, sample }).toEqual({
      addresses: 30,
      clients: 20,
      sample: [],
    });
  });
});

/** What `postern explain` prints, and the mail about the same verdict; each without its line breaks. */
async function told(verdict: Verdict): Promise<{ explained: string; mail: Mail }> {
  const id = at.withStore((store) => store.verdicts.insert(verdict, 'mode-observe', 0));
  const out: string[] = [];
  const io = { stdout: (text: string) => void out.push(text), stderr: () => undefined };
  await main(['explain', ALICE.id, '--config', at.config], io);
  return { explained: flat(out.join('')), mail: await mailAbout(id) };
}

async function mailAbout(verdict: number, block?: number): Promise<Mail> {
  const mails: Mail[] = [];
  const store = new Store(at.path('postern.db'));
  store.outbox.tell('verdict', { verdict, block }, START - 60 * MINUTE);
  const notices = new Notices({
    store,
    notifier: { send: async (mail) => void mails.push(mail) },
    to: ['abuse@example.net'],
    from: 'postern@mx1.example.net',
    digest: SECOND,
    cap: 10,
    rules: new Map([SHARE, INVALID].map((text) => [rule(text).name, rule(text)])),
    clock: { now: () => START },
    log: silentLog,
  });
  await notices.run();
  store.close();
  expect(mails).toHaveLength(1);
  return mails[0] as Mail;
}

function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

describe('explain and the mail', () => {
  it.each([
    ['a share as percent', 'invalid-share', '93.7 % (limit 25 %) in 1h', '93.7 % in 1h'],
    ['a number as it is', 'invalid-recipients', '93.7 (limit 25) in 1h', '93.7 in 1h'],
    ['of a rule that is gone the bare number', 'old-share', '93.7 (limit 25) in 1h', '93.7 in 1h'],
  ])('tell %s', async (_what, name, counted, met) => {
    writeFileSync(at.path('rules/share.yaml'), SHARE);
    const { explained, mail } = await told({ ...VERDICT, rule: name, count: 93.7, limit: 25 });
    expect(explained).toContain(`Counted: ${counted} `);
    expect(flat(mail.text)).toContain(`Counted: ${counted} `);
    expect(mail.subject).toMatch(new RegExp(`: ${name}, ${met}$`));
  });

  it.each(['invalid-recipients', 'gone'])('tell apart what %s did not count', async (name) => {
    stored([...both(16), ...both(25)], [{ ...SUSPECT, ended: START + 40 * MINUTE }]);
    const { explained, mail } = await told({ ...VERDICT, rule: name });
    const said =
      'Not counted: 2 refusals by big.example, which refused recipients of many submitters at once from 2026-11-10T09:15:00.000Z to 2026-11-10T09:40:00.000Z';
    for (const text of [explained, flat(mail.text), flat(mail.html.replaceAll(/<[^>]*>+/g, ' '))]) {
      expect(text.replace('Not counted ', 'Not counted: ')).toContain(said);
      expect(text).toContain('1 different');
      expect(text).not.toContain('b@big.example');
    }
  });

  it('tell what was counted and is not believed any more', async () => {
    stored(both(16), [SUSPECT]);
    const { explained, mail } = await told({ ...VERDICT, time: START + 17 * MINUTE });
    for (const text of [explained, flat(mail.text)]) {
      expect(text).toContain('Counted, not believed any more: 1 refusal by big.example, which');
      expect(text).toContain('at once since 2026-11-10T09:15:00.000Z');
      expect(text).toContain('2 different');
    }
  });

  it('tell of a block that was withdrawn before its mail was written', async () => {
    const key = ALICE as Block['key'];
    const [verdict, block] = at.withStore((store) => {
      const verdict = store.verdicts.insert(VERDICT, 'blocked', 0);
      const cause = VERDICT.rule;
      const block = store.blocks.start({ key, cause, start: START, verdict })?.id ?? 0;
      store.blocks.release(block, START + MINUTE, 'guard', 0);
      return [verdict, block];
    });
    const { subject, text } = await mailAbout(verdict, block);
    expect(subject).toContain('alice@example.net was blocked, is not any more: invalid-recipients');
    expect(flat(text)).toContain('Block: number 1, ended 2026-11-10T09:01:00.000Z');
    expect(flat(text)).toContain('the refusals behind it are not believed any more.');
    expect(text).not.toMatch(/in force|unblock/);
  });
});
