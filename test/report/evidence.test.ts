/** The evidence for a verdict agrees with what the judge counted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import type { Rule } from '../../src/judge/rule.ts';
import type { Block, Key, Verdict } from '../../src/model/block.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { OutageRefusals } from '../../src/model/evidence.ts';
import type { Outage } from '../../src/model/outage.ts';
import { evidenceToJson, gatherEvidence } from '../../src/report/evidence.ts';
import { Store } from '../../src/store/store.ts';
import { event, invalid, login, START } from '../judge/event.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { OUTAGE } from './outage.ts';
import { ALICE, both, INVALID, OTHER, rule, ruleText, save, VERDICT } from './verdict.ts';

const REFUSALS: OutageRefusals = {
  provider: 'big.example',
  refusals: 1,
  since: OUTAGE.since,
  counted: false,
};

const BOUNCED = ruleText('bounced', 'count: bounced', 'limit: 5', 'period: 1h');
const DOMAINS = ruleText('domains', 'count: invalid-domain', 'limit: 5', 'period: 1h');

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: INVALID });
});
afterEach(() => at.remove());

async function evidenceOf(verdict: Verdict = VERDICT, by: Rule | undefined = rule(INVALID)) {
  const store = new Store(at.path('postern.db'));
  try {
    return await gatherEvidence(store, verdict, undefined, by);
  } finally {
    store.close();
  }
}

interface Case {
  readonly what: string;
  readonly minutes: number;
  readonly verdict?: Partial<Verdict>;
  readonly outage?: Partial<Outage>;
  readonly event?: Partial<MailEvent>;
  readonly by?: Rule;
  readonly expected: { readonly recipients: number; readonly outages?: readonly OutageRefusals[] };
}

const ALL = { recipients: 2 };
const APART = { recipients: 1, outages: [REFUSALS] };
const DETECTED_LATER = { recipients: 2, outages: [{ ...REFUSALS, counted: true }] };
const BEGAN = { time: OUTAGE.began };

const CASES: readonly Case[] = [
  { what: 'during the outage', minutes: 25, expected: APART },
  { what: 'before it was detected, taken back', minutes: 16, expected: APART },
  { what: 'before it started', minutes: 14, expected: ALL },
  {
    what: 'during an outage that is over',
    minutes: 21,
    outage: { ended: START + 25 * MINUTE },
    expected: { recipients: 1, outages: [{ ...REFUSALS, ended: START + 25 * MINUTE }] },
  },
  { what: 'after that', minutes: 25, outage: { ended: START + 25 * MINUTE }, expected: ALL },
  {
    what: 'of mail that is not ours, before the outage was detected',
    minutes: 16,
    event: { direction: 'inbound' },
    expected: ALL,
  },
  {
    what: 'of mail that is not ours, during the outage',
    minutes: 25,
    event: { direction: 'inbound' },
    expected: APART,
  },
  {
    what: 'with a verdict before it was detected',
    minutes: 16,
    verdict: { time: START + 17 * MINUTE },
    expected: DETECTED_LATER,
  },
  {
    what: 'with a verdict in the same second, which was taken back',
    minutes: 16,
    verdict: BEGAN,
    outage: { released: [{ rule: VERDICT.rule, key: ALICE }] },
    expected: DETECTED_LATER,
  },
  { what: 'with a verdict in the same second', minutes: 16, verdict: BEGAN, expected: APART },
  {
    what: 'of another kind, by a host with an outage',
    minutes: 25,
    event: { reason: 'mailbox-full' },
    expected: ALL,
  },
  { what: 'for a rule that ignores outages', minutes: 25, by: rule(BOUNCED), expected: ALL },
  { what: 'for a rule that counts others', minutes: 25, by: rule(DOMAINS), expected: ALL },
];

describe('a refusal', () => {
  it.each(CASES)('$what', async ({ minutes, verdict, outage, event, by, expected }) => {
    save(at, both(minutes, event), [{ ...OUTAGE, ...outage }]);
    const { recipients, outages } = await evidenceOf({ ...VERDICT, ...verdict }, by);
    expect({ recipients, ...(outages === undefined ? {} : { outages }) }).toEqual(expected);
  });

  it('that did not count is in no list', async () => {
    save(at, [...both(25), ...both(26)], [OUTAGE]);
    const { events, sample, outages } = await evidenceOf();
    expect(events).toBe(2);
    expect(sample.map(({ recipient }) => recipient)).toEqual(['a@example.org']);
    expect(outages).toMatchObject([{ refusals: 2 }]);
  });

  it('that did not count is grouped by provider and time', async () => {
    const first = {
      ...OUTAGE,
      began: START + 5 * MINUTE,
      since: START,
      ended: START + MINUTE * 10,
    };
    const other = { ...OUTAGE, provider: 'other.example' };
    save(at, [...both(6), ...both(25)], [first, OUTAGE, other]);
    const { recipients, outages } = await evidenceOf();
    expect(recipients).toBe(1);
    expect(outages).toMatchObject([
      { provider: 'big.example', since: first.since, refusals: 1 },
      { provider: 'other.example', refusals: 1 },
      { provider: 'big.example', since: OUTAGE.since, refusals: 1 },
    ]);
  });

  it('has the recipient that the sender wrote, as rules count it', async () => {
    const [first, second, third] = ['a@example.org', 'a@EXAMPLE.org', 'b@example.org'].map(
      (originalRecipient, n) => invalid(n * SECOND, 'alias@example.com', { originalRecipient }),
    ) as [MailEvent, MailEvent, MailEvent];
    const { recipient: _, originalRecipient: __, ...without } = third;
    save(at, [first, second, third, without]);
    const { events, recipients } = await evidenceOf();
    expect({ events, recipients }).toEqual({ events: 4, recipients: 2 });
  });

  it('before an earlier block ended does not count again', async () => {
    const times = [MINUTE, 2 * MINUTE, 3 * MINUTE];
    save(
      at,
      times.map((time) => invalid(time, `r${time}@example.org`, OTHER)),
    );
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
    save(at, both(25), [OUTAGE]);
    expect(evidenceToJson(await evidenceOf())).toMatchObject({
      doubted: [{ provider: 'big.example', since: '2026-11-10T09:15:00.000Z', counted: false }],
    });
  });
});

const NETWORK: Key = { type: 'client-net', id: '192.0.2.0/24' };
const LOGINS = ruleText('logins', 'count: logins', 'distinct: client', 'limit: 2', 'period: 1h');
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
    save(at, events);
    const { first, last, ...found } = await evidenceOf({ ...VERDICT, key }, rule(text));
    expect(found.events).toBe(times.length);
    expect(first).toBe(START + Math.min(...times));
    expect(last).toBe(START + Math.max(...times));
  });

  it('has the number of addresses, and refused recipients only for refusals', async () => {
    save(
      at,
      Array.from({ length: 30 }, (_, n) => login(n, `192.0.2.${n + 1}`)),
    );
    const by = rule(LOGINS.replace('per: submitter', 'per: user'));
    const { addresses, clients, sample } = await evidenceOf(VERDICT, by);
    expect({ addresses, clients: clients.length, sample }).toEqual({
      addresses: 30,
      clients: 20,
      sample: [],
    });
  });
});
