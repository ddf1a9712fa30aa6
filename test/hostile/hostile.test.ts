/**
 * Strangers write into the log: every field that they can choose, with every text that looks like something else, goes
 * through the whole service. Only those who really acted get a verdict and appear in a mail, or in a block file as the
 * MTA reads it. No text leaves its place in mails, pages and terminals.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBlocks } from '../../src/cli/blocks.ts';
import { runEvents } from '../../src/cli/events.ts';
import { runExplain } from '../../src/cli/explain.ts';
import type { Io } from '../../src/cli/io.ts';
import { runReport } from '../../src/cli/report.ts';
import { runStatus } from '../../src/cli/status.ts';
import { parseRule } from '../../src/judge/rule.ts';
import { decodeText } from '../../src/model/line.ts';
import type { ComposedNotice } from '../../src/notify/compose.ts';
import { blockNotice, digestNotice } from '../../src/notify/notice.ts';
import { gatherEvidence } from '../../src/report/evidence.ts';
import { Store } from '../../src/store/store.ts';
import { RULE } from '../support/rule.ts';
import { EXIM_FIELDS, eximLine, victimsMessage as eximVictim } from './exim-fields.ts';
import { buildCast, type Cast, EXIM_PAYLOADS, POSTFIX_PAYLOADS, toBytes } from './payloads.ts';
import {
  POSTFIX_FIELDS,
  postfixLine,
  victimsMessage as postfixVictim,
  type Scene,
} from './postfix-fields.ts';
import { cidrKeys, lsearchKeys, texthashKeys } from './readers.ts';
import { runService, type ServiceResult } from './world.ts';

interface Attack {
  readonly name: string;
  readonly cast: Cast;
  readonly scene: Scene;
}

const SUITES = {
  postfix: {
    fields: POSTFIX_FIELDS,
    payloads: POSTFIX_PAYLOADS,
    line: postfixLine,
    victim: postfixVictim,
  },
  exim: { fields: EXIM_FIELDS, payloads: EXIM_PAYLOADS, line: eximLine, victim: eximVictim },
} as const;

/** Postfix does not have this mechanism: no password was tried, so there is no event. */
const NO_EVENT = new Set(['mechanism of a failed login: "ordinary"']);

function buildAttacks(mta: keyof typeof SUITES): Attack[] {
  const { fields, payloads } = SUITES[mta];
  const attacks: Attack[] = [];
  for (const [name, field] of Object.entries(fields)) {
    for (const payload of payloads) {
      const cast = buildCast(attacks.length + 1, mta);
      const text = toBytes(payload(cast));
      attacks.push({
        name: `${name}: ${JSON.stringify(text).slice(0, 80)}`,
        cast,
        scene: field(cast, text),
      });
    }
  }
  return attacks;
}

/** The keys that a rule may count: the login, the address, the reverse-path, the local account. */
function trueKeys({ cast, scene }: Attack): string[] {
  const user = decodeText(scene.user ?? cast.user).toLowerCase();
  return [
    `user ${user}`,
    `user ${user.replace(/ +$/, '')}`, // blanks at the end of a line are not read
    `client ${cast.address}`,
    `uid ${20_000 + cast.number}`,
    ...(scene.sender === undefined ? [] : [`sender ${decodeText(scene.sender).toLowerCase()}`]),
  ];
}

/** The attack that a key belongs to, by the number in it. */
function findAttack(attacks: readonly Attack[], key: string): string {
  return (
    attacks.find(({ cast }) => [cast.victim, cast.victimAddress].some((name) => key.includes(name)))
      ?.name ?? '?'
  );
}

const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;
const TAGS =
  /<(?!\/?(?:h3|table|tr|td|pre|body|html)>|!DOCTYPE html>|html lang="en">|body style="font-family: sans-serif">|td colspan="2">)/;

function expectTame({ subject, text, html }: ComposedNotice): void {
  expect(subject).not.toMatch(CONTROL);
  expect(subject).not.toMatch(/[\r\n]/);
  expect(text).not.toMatch(CONTROL);
  expect(html).not.toMatch(CONTROL);
  expect(html).not.toMatch(TAGS);
}

function listener(): Io & { text(): string } {
  const said: string[] = [];
  const hear = (text: string) => {
    said.push(text);
  };
  return { stdout: hear, stderr: hear, text: () => said.join('') };
}

describe.each(['postfix', 'exim'] as const)('what strangers write into the log of %s', (mta) => {
  const attacks = buildAttacks(mta);
  let result: ServiceResult;

  beforeAll(async () => {
    const { line, victim } = SUITES[mta];
    const now = Date.now() - 60_000;
    const lines = attacks.flatMap(({ cast, scene }) =>
      [...victim(cast), ...scene.lines].map((text) => line(text, now)),
    );
    result = await runService(mta, lines);
  }, 120_000);
  afterAll(() => result?.remove());

  it('gives no verdict on anybody else', () => {
    const known = new Set(attacks.flatMap(trueKeys));
    const found = result.withStore((store) =>
      store.verdicts
        .between(0, Number.MAX_SAFE_INTEGER)
        .map(({ verdict }) => `${verdict.key.type} ${verdict.key.id}`),
    );
    const wrong = found.filter((key) => !known.has(key) && key !== 'uid root');
    expect(wrong.map((key) => [key, findAttack(attacks, key)])).toEqual([]);
  });

  it('blocks the one who acts, with an ordinary text in every field', () => {
    const blocked = new Set(
      result.withStore((store) =>
        store.blocks.allRunning().map(({ key }) => `${key.type} ${key.id}`),
      ),
    );
    const missed = attacks.filter(
      (attack) =>
        attack.name.includes('"ordinary"') &&
        !NO_EVENT.has(attack.name) &&
        !trueKeys(attack).some((key) => blocked.has(key)),
    );
    expect(missed.map(({ name, scene }) => [name, scene.lines])).toEqual([]);
  });

  it('gives only true facts about every event', () => {
    const byAddress = new Map(attacks.map((attack) => [attack.cast.address, attack]));
    const victims = new Set(attacks.flatMap(({ cast }) => [cast.victim, cast.victimAddress]));
    const wrong = result.withStore((store) =>
      [...store.events.query({})].filter(({ event }) => {
        if (event.kind === 'accepted') return false; // the victims' own
        const { submitter, client } = event;
        if (submitter !== undefined && victims.has(submitter.id)) return true;
        if (client !== undefined && victims.has(client.address)) return true;
        return client !== undefined && client.address !== '' && !byAddress.has(client.address);
      }),
    );
    expect(wrong.map(({ event }) => event)).toEqual([]);
  });

  it('writes block files in which the MTA finds nobody else', () => {
    const ids = (types: readonly string[]) =>
      new Set(
        result.withStore((store) =>
          store.blocks
            .allRunning()
            .filter(({ key }) => types.includes(key.type))
            .map(({ key }) => Buffer.from(key.id, 'utf8').toString('latin1')),
        ),
      );
    for (const { file, types, keys } of listBlockFiles(mta, result)) {
      const allowed = ids(types);
      expect(keys.length, file).toBeGreaterThan(0);
      expect(
        keys.filter((key) => !allowed.has(key)),
        file,
      ).toEqual([]);
    }
  });

  it('sends mails with its own headers and texts only', () => {
    expect(result.mails.length).toBeGreaterThan(0);
    const known = [
      'from',
      'to',
      'subject',
      'message-id',
      'auto-submitted',
      'precedence',
      'date',
      'mime-version',
      'content-type',
      'content-transfer-encoding',
    ];
    for (const mail of result.mails) {
      const head = mail.slice(0, mail.indexOf('\r\n\r\n')).replaceAll('\r\n ', ' ');
      const names = head
        .split('\r\n')
        .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
      expect(names.filter((name) => !known.includes(name))).toEqual([]);
      expect(mail).toMatch(/^To: abuse@example\.net\r$/m);
    }
  });

  it('shows the evidence without foreign markup, control characters and line breaks', async () => {
    const text = RULE.replace(/direction:.*\n/, '').replace(
      /(?<=description: ).*/,
      'Whoever <i>is</i>.',
    );
    const rule = parseRule(text, 'rule.yaml');
    const store = new Store(result.path('postern.db'));
    const verdicts = store.verdicts.between(0, Number.MAX_SAFE_INTEGER);
    const notices = [];
    // Every text comes by in every seventh field: their number is no multiple of seven.
    expect(SUITES[mta].payloads.length % 7).not.toBe(0);
    for (const { verdict } of verdicts.filter((_, index) => index % 7 === 0)) {
      const evidence = await gatherEvidence(store, verdict, undefined, rule);
      notices.push({ evidence, notice: blockNotice(evidence, ['Done.']) });
    }
    store.close();
    expect(notices.length).toBeGreaterThan(attacks.length / 8);
    for (const { notice } of notices) expectTame(notice);
    expectTame(digestNotice(notices.map(({ evidence }) => ({ evidence, measures: ['Done.'] }))));
  });

  it('prints nothing that a terminal obeys', async () => {
    const io = listener();
    const { config } = result;
    runBlocks({ config, all: true }, io);
    runStatus({ config }, io);
    runEvents({ config }, io);
    await runReport({ config, since: '1d' }, io);
    const some = result.withStore((store) => store.blocks.allRunning().map(({ id }) => id));
    for (const id of some.filter((_, index) => index % 50 === 0))
      await runExplain(String(id), { config }, io);
    expect(io.text().length).toBeGreaterThan(10_000);
    expect(
      io
        .text()
        .split('\n')
        .filter((line) => CONTROL.test(line)),
    ).toEqual([]);
  });
});

function listBlockFiles(mta: 'postfix' | 'exim', { path, file }: ServiceResult) {
  if (mta === 'exim') {
    return [
      {
        file: 'blocked_users',
        types: ['user', 'client', 'uid'],
        keys: lsearchKeys(file('maps/blocked_users')),
      },
      {
        file: 'blocked_senders',
        types: ['sender'],
        keys: lsearchKeys(file('maps/blocked_senders')),
      },
    ];
  }
  const table = (name: string) =>
    texthashKeys(path('.'), path(`maps/${name}`), file(`maps/${name}`));
  return [
    { file: 'sasl_access', types: ['user'], keys: table('sasl_access') },
    { file: 'sender_access', types: ['sender'], keys: table('sender_access') },
    { file: 'client_access', types: ['client'], keys: cidrKeys(file('maps/client_access')) },
  ];
}
