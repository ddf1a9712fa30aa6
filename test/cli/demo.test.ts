/** `postern demo`: what it says at the end is true. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/base/errors.ts';
import { ownCommand, runDemo } from '../../src/cli/demo.ts';

async function demo(options: { readonly keep?: boolean }) {
  let text = '';
  const status = await runDemo(options, {
    stdout: (more) => (text += more),
    stderr: () => {},
  });
  const folder = / grows in (\S+)\/mail\.log/.exec(text)?.[1] ?? '';
  return { status, text, folder };
}

describe('the demo', () => {
  it('names files that are there', async () => {
    const { status, text, folder } = await demo({});
    try {
      expect(status).toBe(EXIT.done);
      const [, end = ''] = text.split('Look closer:\n');
      const mail = /the mail to the abuse address +(\S+)/.exec(end)?.[1] ?? '';
      expect(readFileSync(mail, 'utf8')).toContain('alice@example.net');
      const configs = [...end.matchAll(/--config (\S+)/g)].map(([, file]) => file as string);
      expect(configs).toHaveLength(4);
      for (const file of configs) expect(existsSync(file)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);

  it('names nothing in a folder that it has deleted', async () => {
    const { status, text, folder } = await demo({ keep: false });
    expect(status).toBe(EXIT.done);
    expect(existsSync(folder)).toBe(false);
    expect(text).toMatch(/\nThe folder is deleted\. .*\n$/);
    expect(text).not.toMatch(/Look closer|--config|outbox/);
  }, 60_000);

  it.each([
    ['/usr/local/lib/node_modules/postern/dist/cli/main.js', '/root', 'postern'],
    ['/srv/postern/dist/cli/main.js', '/srv/postern', 'bin/postern'],
    ['/srv/postern/dist/cli/main.js', '/srv/postern/docs', '../bin/postern'],
  ])('calls %s in %s: %s', (script, cwd, expected) => {
    expect(ownCommand(script, cwd)).toBe(expected);
  });
});
