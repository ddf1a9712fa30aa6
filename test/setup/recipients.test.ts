/** What `postern check` finds out about recipient verification, with real back ends, maps and accounts. */
import { chownSync, mkdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { checkRecipients } from '../../src/setup/recipients.ts';
import { startBackEnd, startHostile } from '../support/back-end.ts';
import { scratchFolder } from '../support/folder.ts';
import { hasPostfix } from '../support/postfix.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

/** `level text` of each finding for this section; the database is in the scratch folder. */
async function check(section: string, units?: string): Promise<string[]> {
  const text = `milter:\n  recipients:\n    database: ${folder.at('recipients.db')}\n${section}`;
  const findings = await checkRecipients(
    parseConfig(text, folder.at('postern.yaml')),
    units === undefined ? [] : [units],
  );
  return findings.map(({ level, text }) => `${level} ${text.replaceAll(folder.path, 'DIR')}`);
}

const DATABASE = 'ok milter.recipients.database: the folder DIR is writable';

describe('check', () => {
  it('says nothing without the section, and warns when nothing is protected or refused', async () => {
    expect(await checkRecipients(parseConfig('', 'x.yaml'))).toEqual([]);
    expect(await check('    mode: observe\n')).toEqual([
      'warning milter.recipients.mode is observe: no recipient is refused',
      'warning milter.recipients protects no domain',
      DATABASE,
    ]);
  });

  it.each([
    ['', 'warning postern-milter.service lets the milter not connect to 192.0.2.7'],
    ['192.0.2.0/24', undefined],
    ['any', undefined],
  ])(
    'sees that the unit cannot reach a back end elsewhere, with IPAddressAllow=%j',
    async (allowed, text) => {
      folder.write(
        'units/postern-milter.service',
        '[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost\n',
      );
      folder.write(
        'units/postern-milter.service.d/a.conf',
        `[Service]\nIPAddressAllow=${allowed || 'localhost'}\n`,
      );
      const domains =
        "    domains:\n      - { domain: a.example, servers: ['[192.0.2.7]', '[127.0.0.1]'] }\n";
      const found = await check(
        `    callout: { connectTimeout: 100ms }\n${domains}`,
        folder.at('units'),
      );
      expect(found.find((one) => one.includes('.service'))).toBe(text);
    },
  );

  it('finds back ends that are well, away, silent, greylisting, or accept everything', async () => {
    const well = await startBackEnd();
    const all = await startBackEnd({ reply: () => '250' });
    const grey = await startBackEnd({ reply: () => '450 4.2.0 Greylisted' });
    const away = await startBackEnd();
    await away.stop();
    const silent = await startHostile(() => {});
    const servers = { well, all, grey, away, silent };
    const domains = Object.entries(servers).map(
      ([name, { port }]) => `      - { domain: ${name}.example, servers: '[127.0.0.1]:${port}' }\n`,
    );
    const found = await check(
      `    callout: { replyTimeout: 300ms }\n    domains:\n${domains.join('')}      - { domain: '*', servers: '[127.0.0.2]:${well.port}' }\n`,
    );
    const at = (name: keyof typeof servers) => `[127.0.0.1]:${servers[name].port}`;
    expect(found).toEqual([
      DATABASE,
      `ok back end ${at('well')} knows the recipients of well.example`,
      `warning back end ${at('all')} accepts every recipient of all.example, so nothing can be verified there`,
      `warning back end ${at('grey')} of grey.example does not say whether a recipient exists: 450 4.2.0 Greylisted`,
      `warning back end ${at('away')} of away.example does not answer: connect: 127.0.0.1:${away.port}: ECONNREFUSED`,
      `warning back end ${at('silent')} of silent.example does not answer: banner: 127.0.0.1:${silent.port}: no reply within 0.3 s`,
      expect.stringMatching(
        /^warning back end \[127\.0\.0\.2\]:\d+ of \* does not answer: connect/,
      ),
    ]);
    for (const server of [well, all, grey, silent]) await server.stop();
  });

  it('finds tables and lists that are missing, or have broken lines', async () => {
    folder.write('people', 'a@example.net\nnobody\n');
    folder.write('transport', 'example.org local:\nbroken\n');
    const found = await check(
      `    tables: [{ file: transport, format: transport }, { file: none, format: mailertable }]\n    domains: [{ domain: example.net, list: people }]\n`,
    );
    expect(found).toEqual([
      DATABASE,
      'warning milter.recipients, tables: DIR/transport, line 2: expected transport:nexthop, found nothing',
      expect.stringMatching(/^wrong milter\.recipients, tables: DIR\/none cannot be read: ENOENT/),
      'warning milter.recipients, list: DIR/people, line 2: expected an address or @domain, found nobody',
    ]);
  });

  it.skipIf(!hasPostfix() || process.getuid?.() !== 0)(
    'tries as the account of the milter',
    async () => {
      mkdirSync(folder.at('own'));
      chownSync(folder.at('own'), 65_534, 65_534);
      folder.write('pf/main.cf', 'compatibility_level = 3.6\n');
      folder.write('open', 'a@example.net OK\n');
      folder.write('secret', 'a@example.net OK\n', 0o600);
      const rows = ['open', 'secret'].flatMap((name) => [
        `      - { domain: map-${name}.example, map: 'texthash:${folder.at(name)}' }\n`,
        `      - { domain: list-${name}.example, list: ${name} }\n`,
      ]);
      const text = `milter:\n  recipients:\n    database: own/r.db\n    postmap: [postmap, -c, ${folder.at('pf')}]\n    domains:\n${rows.join('')}`;
      const findings = await checkRecipients(parseConfig(text, folder.at('postern.yaml')));
      expect(
        findings.map(({ level, text }) => `${level} ${text.replaceAll(folder.path, 'DIR')}`),
      ).toEqual([
        'ok milter.recipients.database: the folder DIR/own is writable',
        'ok texthash:DIR/open can be looked up',
        'ok milter.recipients, list: DIR/open is readable',
        expect.stringMatching(
          /^wrong texthash:DIR\/secret cannot be looked up by uid 65534: .*Permission denied/,
        ),
        'wrong milter.recipients, list: DIR/secret cannot be read by uid 65534',
      ]);
    },
  );
});
