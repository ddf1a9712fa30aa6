/** The scripts of docs/hooks.md, run as a hook runs them, against a web server that takes down what they send. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandHook } from '../../src/notify/command-hook.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/hooks.md'), 'utf8');
const SCRIPTS = [...PAGE.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, script]) => script as string);
const hasTools = ['jq', 'curl'].every((name) => spawnSync(name, ['--version']).status === 0);
const HOSTILE = 'a$(touch /tmp/x)";\'b@example.net';

const event = (id: string) => ({
  event: 'block',
  host: 'mx1',
  text: `${id} blocked: manual`,
  identity: id,
  block: { id: 1, key: { type: 'user', id } },
});

describe.runIf(hasTools)('the scripts of docs/hooks.md', () => {
  const received: { url: string; key: string; body: unknown }[] = [];
  let status = 200;
  let folder: string;
  let address: string;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      const key = String(request.headers['x-api-key']);
      received.push({ url: request.url ?? '', key, body: JSON.parse(body) });
      response.writeHead(status).end();
    });
  });
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-recipes-'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs the script with this event; its addresses and files are those of the test. */
  async function run(script: string, told: object): Promise<unknown> {
    const config = join(folder, 'curl');
    const url = script.includes('http') ? '' : `url = "${address}/chat"\n`;
    writeFileSync(config, `${url}header = "X-API-Key: secret"\n`);
    const text = script
      .replace(/\/etc\/postern\/\w+\.curl/, config)
      .replace(/https?:\/\/[^/\s]+/, address);
    const path = join(folder, 'hook');
    writeFileSync(path, text, { mode: 0o755 });
    received.length = 0;
    await commandHook([path], 10_000).send({
      text: JSON.stringify(told),
      messageId: 'evt_1',
    } as never);
    return received;
  }

  it.each([
    ['doveadm', '/doveadm/v1', [['kick', { mask: [HOSTILE] }, 'postern']]],
    ['chat', '/chat', { text: `mx1: ${HOSTILE} blocked: manual` }],
    ['mailcow', '/api/v1/edit/mailbox', { items: [HOSTILE], attr: { active: '0' } }],
  ])('for %s', async (name, url, body) => {
    const script = SCRIPTS.find((text) => text.includes(`${name}.curl`)) as string;
    expect(await run(script, event(HOSTILE))).toEqual([{ url, key: 'secret', body }]);
    status = 503;
    await expect(run(script, event('alice@example.net'))).rejects.toThrow('503');
    status = 200;
  });
});
