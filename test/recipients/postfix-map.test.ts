/** Lookup tables through the real postmap, of every type that this Postfix has. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRecipient } from '../../src/recipients/address.ts';
import { PostfixMap, queryMap } from '../../src/recipients/postfix-map.ts';
import { scratchFolder } from '../support/folder.ts';
import { hasPostfix, indexedMapType } from '../support/postfix.ts';
import { makeVerifier, STRANGER } from '../support/recipients.ts';
import { run } from '../support/server.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

const TABLE = 'alice@example.net OK\n"a b"@example.net OK\n@cat.example OK\n';
/** Every odd thing that a client can put into an address: none may spoil the answers of the others. */
const ODD = [
  '"\\\\"@example.net',
  "o'neill@example.net",
  '%s@example.net',
  '*@example.net',
  '\xff\xfe@example.net',
];

describe.skipIf(!hasPostfix())('a Postfix map', () => {
  const postmap = ['postmap', '-c', folder.path];
  let indexed = 'hash';
  beforeAll(async () => {
    folder.write('main.cf', 'compatibility_level = 3.6\n');
    folder.write('table', TABLE);
    folder.write('patterns', '/^alice@example\\.net$/ OK\n/^"a b"@/ OK\n/@cat\\.example$/ OK\n');
    indexed = await indexedMapType();
    await run([...postmap, `${indexed}:${folder.at('table')}`]);
  });

  const options = (map: string) => ({ postmap, map, extension: '+', timeout: 10_000 });

  it.each(['indexed', 'texthash', 'regexp', 'inline'])('of type %s is asked', async (type) => {
    const map = {
      indexed: `${indexed}:${folder.at('table')}`,
      texthash: `texthash:${folder.at('table')}`,
      regexp: `regexp:${folder.at('patterns')}`,
      inline: 'inline:{alice@example.net=OK,{"a b"@example.net = OK},@cat.example=OK}',
    }[type] as string;
    const table = new PostfixMap(options(map));
    const ask = async (address: string) => (await table.ask(parseRecipient(address)!)).kind;
    const asked = [
      'alice@example.net',
      'ALICE@example.net',
      'alice+x@example.net',
      '"a b"@example.net',
      'any@cat.example',
      'bob@example.net',
      ...ODD,
    ];
    const kinds = await Promise.all(asked.map(ask));
    expect(kinds).toEqual([
      ...['valid', 'valid', 'valid', 'valid', 'valid', 'invalid'],
      ...ODD.map(() => 'invalid'),
    ]);
  });

  it.each([
    ['hash:/nowhere/table', /No such file/],
    ['pcre-of-nobody:/x', /unsupported dictionary type/],
    ['fail:broken', /query error/],
  ])('that fails gives no verdict: %s', async (map, words) => {
    const table = new PostfixMap(options(map));
    const answer = await table.ask(parseRecipient('alice@example.net')!);
    expect(answer).toMatchObject({ kind: 'unknown', step: 'lookup' });
    expect((answer as { reason: string }).reason).toMatch(words);
  });

  it('is asked with one process for many addresses', async () => {
    const count = folder.at('count');
    const script = folder.write(
      'counting',
      `#!/bin/sh\necho x >> ${count}\nexec postmap "$@"\n`,
      0o755,
    );
    const map = `texthash:${folder.at('table')}`;
    const table = new PostfixMap({ ...options(map), postmap: [script, '-c', folder.path] });
    const names = Array.from({ length: 200 }, (_, index) => `user${index}@example.net`);
    const answers = await Promise.all(names.map((name) => table.ask(parseRecipient(name)!)));
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['invalid']));
    expect(folder.read('count')).toBe('x\n');
  });

  it('decides for the verifier, and is not asked for a made-up address', async () => {
    const map = `texthash:${folder.at('table')}`;
    const { verifier } = makeVerifier({
      domains: [
        { domain: 'example.net', role: 'primary', subdomains: false, source: { kind: 'map', map } },
      ],
      postmap,
      callout: { replyTimeout: 10_000 },
      budget: 20_000,
    });
    expect(await verifier.verify('<alice@example.net>', STRANGER)).toEqual({
      kind: 'valid',
      from: 'map',
    });
    expect(await verifier.verify('<bob@example.net>', STRANGER)).toEqual({
      kind: 'invalid',
      from: 'map',
    });
    expect(await verifier.verify('<bob@example.net>', STRANGER)).toEqual({
      kind: 'invalid',
      from: 'cache',
    });
    verifier.close();
  });
});

describe('a program in place of postmap', () => {
  const ask = (postmap: readonly string[], timeout = 5000) =>
    queryMap({ postmap, map: 'hash:x', extension: '', timeout }, [parseRecipient('a@b.example')!]);

  it('that is missing, hangs, is killed or complains gives no verdict', async () => {
    expect(await ask(['/nowhere/postmap'])).toBe('/nowhere/postmap cannot be started: ENOENT');
    const write = (name: string, text: string) => folder.write(name, `#!/bin/sh\n${text}\n`, 0o755);
    expect(await ask([write('hangs', 'sleep 30')], 200)).toBe('hash:x: no answer within 0.2 s');
    expect(await ask([write('killed', 'kill -9 $$')])).toBe(
      'hash:x: ended with status unknown (killed)',
    );
    expect(await ask([write('denied', 'echo "sorry" >&2; exit 1')])).toBe('hash:x: sorry');
    expect(await ask([write('odd', 'exit 75')])).toBe('hash:x: ended with status 75');
  });

  it('that warns has answered', async () => {
    const file = folder.write(
      'warns',
      '#!/bin/sh\necho "postmap: warning: x: unused parameter" >&2\nexit 1\n',
      0o755,
    );
    expect(await ask([file])).toEqual(new Set());
  });

  it('cannot make an address valid by its values', async () => {
    const file = folder.at('values');
    writeFileSync(file, '#!/bin/sh\nprintf "c@d.example\\tOK\\nx a@b.example\\tOK\\n"\n', {
      mode: 0o755,
    });
    expect(await ask([file])).toEqual(new Set());
  });
});
