/** A thief who logs in by several spellings of one login: one person in the store, the judge and the block files. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { main } from '../../src/cli/commands.ts';
import { type Config, loadConfig, SHIPPED_RULES } from '../../src/config/load.ts';
import { buildBlocklist, buildPipeline } from '../../src/daemon/assemble.ts';
import { Enforcer } from '../../src/daemon/enforcer.ts';
import { buildMtaControl } from '../../src/daemon/mta-control.ts';
import { loadRules } from '../../src/judge/rule.ts';
import { Lines } from '../../src/model/lines.ts';
import { Store } from '../../src/store/store.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';

const SPELLINGS = ['alice', 'Alice@Example.NET', 'alice@example.net', 'alice+phone'];
const START = Date.UTC(2026, 10, 10, 9);

/** Mail under these logins in turn, to dead addresses. */
function logOf(logins: readonly string[], mails: number): string {
  let text = '';
  for (let mail = 0; mail < mails; mail++) {
    const id = `3F${mail.toString(16).toUpperCase().padStart(6, '0')}`;
    const at = (program: string) =>
      `${new Date(START + mail * 10_000).toISOString()} mx1 postfix/${program}[9]: ${id}: `;
    const login = logins[mail % logins.length];
    text += `${at('submission/smtpd')}client=unknown[203.0.113.9], sasl_method=PLAIN, sasl_username=${login}\n`;
    text += `${at('qmgr')}from=<x@example.net>, size=900, nrcpt=1 (queue active)\n`;
    text += `${at('smtp')}to=<dead${mail}@example.com>, relay=mx.example.com[198.51.100.8]:25, delay=1, delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.com[198.51.100.8] said: 550 5.1.1 User unknown (in reply to RCPT TO command))\n`;
    text += `${at('qmgr')}removed\n`;
  }
  return text;
}

let folder: Folder;
let store: Store;
let config: Config;
beforeEach(() => {
  folder = scratchFolder();
  folder.write(
    'postern.yaml',
    `mta: exim
logs: [mail.log]
database: x.db
logins: { defaultDomain: example.net, extension: + }
targets: { exim: { blockedUsers: ${folder.at('users')}, blockedSenders: ${folder.at('senders')} } }
queue: { hold: false }
`,
  );
  config = loadConfig(folder.at('postern.yaml'));
  store = new Store(config.database);
});
afterEach(() => {
  store.close();
  folder.remove();
});

const clock = { now: () => START + 1_200_000 };

async function readLog(text: string, position: number) {
  const rules = loadRules(SHIPPED_RULES);
  const signal = new AbortController().signal;
  const judge = rebuildAtOnce(store, rules, clock.now());
  const options = { config: { ...config, mta: 'postfix' as const }, clock, log: silentLog };
  const pipeline = buildPipeline(store, judge, rules, { ...options, version: '0', signal });
  let offset = position;
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((bytes, line) => {
      const at = { source: 'mail.log', line: line + 1, offset, bytes };
      offset += bytes.length + 1;
      return at;
    });
  pipeline.take({ path: 'mail.log', lines: new Lines(lines), position: {} });
  return await pipeline.commit();
}

async function enforce(): Promise<string[]> {
  await new Enforcer({ store, ...buildMtaControl(config), clock, log: silentLog }).run();
  const lines = readFileSync(folder.at('users'), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).sort();
}

async function postern(...argv: string[]): Promise<string> {
  let text = '';
  const io = { stdout: (more: string) => (text += more), stderr: (more: string) => (text += more) };
  await main([...argv, '--config', folder.at('postern.yaml')], io);
  return text;
}

describe('four spellings of one login, each with 30 dead addresses', () => {
  it('lead to one block, which lists all of them', async () => {
    await readLog(logOf(SPELLINGS, 120), 0);
    const running = store.blocks.allRunning();
    expect(running.map(({ key }) => key.id)).toEqual(['alice@example.net']);
    expect(await enforce()).toEqual(['alice', 'alice+phone', 'alice@example.net']);
  });

  it('are four persons without the setting', async () => {
    config = { ...config, logins: { cut: 'none', extension: '' } };
    await readLog(logOf(SPELLINGS, 120), 0);
    expect(store.blocks.allRunning()).toEqual([]);
  });

  it('get another line when a new one is seen while the block runs', async () => {
    const first = await readLog(logOf(SPELLINGS, 120), 0);
    expect(first?.newSpellings).toBe(true);
    await enforce();
    const again = await readLog(logOf(['alice+tablet', 'bob+x'], 2), 1_000_000);
    expect(again?.newSpellings).toBe(true);
    expect(await enforce()).toContain('alice+tablet');
    expect(await enforce()).not.toContain('bob+x');
    const known = await readLog(logOf(['alice+tablet'], 1), 2_000_000);
    expect(known?.newSpellings).toBe(false);
  });

  it('keep what was typed in the stored events', async () => {
    await readLog(logOf(SPELLINGS, 4), 0);
    const events = [...store.events.query({ kinds: ['bounced'] })];
    expect(events.map(({ event }) => event.submitter)).toEqual([
      { type: 'user', id: 'alice@example.net', login: 'alice' },
      { type: 'user', id: 'alice@example.net', login: 'Alice@Example.NET' },
      { type: 'user', id: 'alice@example.net' },
      { type: 'user', id: 'alice@example.net', login: 'alice+phone' },
    ]);
  });

  it('are one for the policy service', async () => {
    await readLog(logOf(SPELLINGS, 120), 0);
    const blocklist = buildBlocklist(config);
    blocklist.replace(store.blocks.allRunning());
    const ask = (user: string) =>
      blocklist.answer(
        { state: 'RCPT', user, client: '192.0.2.7', sender: '', recipient: '', instance: '' },
        clock.now(),
      );
    expect(['ALICE', 'alice+never-seen@example.net'].map(ask)).toEqual([
      'HOLD blocked by postern',
      'HOLD blocked by postern',
    ]);
    expect(ask('alice@example.org')).toBe('DUNNO');
  });

  it('are one for the operator, whatever is typed', async () => {
    expect(await postern('block', 'Alice+x')).toContain('alice@example.net is blocked');
    expect(await postern('block', 'alice')).toContain('already blocked');
    expect(await postern('explain', 'alice+y')).toContain('alice@example.net');
    expect(await postern('unblock', 'ALICE@example.net')).toContain('no longer blocked');
  });
});
