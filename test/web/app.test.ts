/** The page without a browser: who gets in, what is refused, what an action does and leaves behind. */
import { hostname } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DAY, formatTime, HOUR } from '../../src/base/time.ts';
import { bounced, eventually } from '../service/scratch.ts';
import { openStore } from '../support/database.ts';
import { Client, type Place, place } from './place.ts';

let at: Place;
afterEach(() => at.remove());

async function open(web = '', listen?: string): Promise<Client> {
  at = await place(web, listen);
  return new Client(at);
}

async function loggedIn(name: string, web = ''): Promise<Client> {
  const client = await open(web);
  expect((await client.logIn(name)).status).toBe(303);
  return client;
}

function block(id: string, more: { note?: string; cause?: string } = {}): number {
  const { store } = at.desk;
  const given = { key: { type: 'user', id } as const, cause: 'manual', start: Date.now(), ...more };
  return store.commit(() => store.blocks.start(given))?.id ?? 0;
}

describe('a login', () => {
  it('leads to the page that a link in a mail meant', async () => {
    const client = await open();
    const first = await client.get('/story?id=alice%40example.net');
    expect([first.status, first.headers.get('location')]).toEqual([
      303,
      '/login?next=%2Fstory%3Fid%3Dalice%2540example.net',
    ]);
    const form = await client.get(first.headers.get('location') as string);
    expect(form.text).toContain('name="next" value="/story?id=alice%40example.net"');
  });

  it('sets a cookie that scripts and other pages cannot use', async () => {
    const client = await open();
    const { headers } = await client.logIn('ann');
    expect(headers.get('set-cookie')).toMatch(
      /^postern=[0-9a-f]{64}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/,
    );
  });

  it('sends the cookie only over TLS when browsers come by https', async () => {
    const client = await open('  origin: https://postern.example.net\n');
    client.headers = { host: 'postern.example.net', origin: 'https://postern.example.net' };
    const { headers } = await client.logIn('ann');
    expect(headers.get('set-cookie')).toMatch(/^__Host-postern=.*; Secure; /);
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example/', '/a\r\nb', ''])(
    'goes to no other host: %j',
    async (next) => {
      const client = await open();
      const { headers } = await client.post('/login', {
        name: 'ann',
        password: 'correct horse battery',
        next,
      });
      expect(headers.get('location')).toBe('/');
    },
  );

  it('is refused after five wrong passwords, the right one too, and for this name only', async () => {
    const client = await open();
    for (let count = 0; count < 5; count++)
      expect((await client.logIn('ann', 'wrong password')).status).toBe(401);
    expect((await client.logIn('ann')).status).toBe(429);
    expect((await client.another().logIn('vic')).status).toBe(303);
  });

  it('says the same of a name that nobody has, and of one without a password', async () => {
    const client = await open();
    const [unknown, without] = [await client.logIn('nobody'), await client.logIn('pat', '-')];
    expect([unknown.status, without.status]).toEqual([401, 401]);
    expect(without.text).toBe(unknown.text);
  });

  it('ends with a logout, and when the password changes', async () => {
    const client = await loggedIn('ann');
    await client.post('/logout', { token: await client.token() });
    expect((await client.get('/blocks')).status).toBe(303);
    await client.logIn('ann');
    expect((await client.get('/blocks')).status).toBe(200);
    await at.run('web', 'password', 'ann', '--proxy');
    expect((await client.get('/blocks')).status).toBe(303);
  });
});

describe('a request is refused', () => {
  it.each<[string, (client: Client) => void]>([
    [
      'with the origin of another page',
      (client) => (client.headers.origin = 'http://evil.example'),
    ],
    ['without an origin', (client) => (client.headers.origin = 'null')],
    ['with the origin of another port', (client) => (client.headers.origin = 'http://127.0.0.1:1')],
  ])('%s', async (_what, change) => {
    const client = await loggedIn('ann');
    const number = block('alice@example.net');
    const fields = { block: String(number), token: await client.token() };
    change(client);
    expect((await client.post('/act/unblock', fields)).status).toBe(403);
    expect(at.desk.store.blocks.get(number)?.released).toBeUndefined();
  });

  it('without the token of the form, or with that of another session', async () => {
    const client = await loggedIn('ann');
    const other = client.another();
    await other.logIn('ann');
    const number = String(block('alice@example.net'));
    expect((await client.post('/act/unblock', { block: number })).status).toBe(403);
    const foreign = await client.post('/act/unblock', {
      block: number,
      token: await other.token(),
    });
    expect([foreign.status, at.desk.store.actions.newest(9)]).toEqual([403, []]);
  });

  it('under a name that is not that of the page', async () => {
    const client = await loggedIn('ann');
    client.headers.host = 'evil.example:8025';
    expect((await client.get('/')).status).toBe(421);
  });

  it('of somebody who may only look', async () => {
    const client = await loggedIn('vic');
    const number = block('alice@example.net');
    expect((await client.get(`/story?block=${number}`)).text).not.toContain('action="/act/');
    const fields = { block: String(number), token: await client.token() };
    const answer = await client.post('/act/unblock', fields);
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('change nothing')]);
    expect(at.desk.store.blocks.get(number)?.released).toBeUndefined();
  });

  it('with a cookie that another server of this host set, unless ours is there as well', async () => {
    const client = await loggedIn('ann');
    const own = client.cookie;
    client.cookie = `postern=${'0'.repeat(64)}`;
    expect((await client.get('/blocks')).status).toBe(303);
    expect((await client.get('/login')).text).toContain('its cookie is from another server');
    client.cookie = `postern=${'0'.repeat(64)}; ${own}`;
    expect((await client.get('/blocks')).status).toBe(200);
  });

  it('that is larger than a form', async () => {
    const client = await loggedIn('ann');
    expect((await client.post('/act/note', { note: 'x'.repeat(300_000) })).status).toBe(413);
  });
});

describe('strangers', () => {
  it('cannot fill the log', async () => {
    const client = await open();
    const lines: string[] = [];
    const add = (data: object, text: string) => void lines.push(JSON.stringify([data, text]));
    vi.spyOn(at.desk.log, 'warn').mockImplementation(add as never);
    vi.spyOn(at.desk.log, 'error').mockImplementation(add as never);
    for (let count = 0; count < 80; count++) await client.logIn('x'.repeat(50_000), 'wrong');
    client.headers = { 'content-type': 'multipart/form-data; boundary=x' };
    for (let count = 0; count < 80; count++) expect((await client.logIn('ann')).status).toBe(400);
    client.headers = { origin: 'http://evil.example' };
    for (let count = 0; count < 80; count++) await client.post(`/act/${'y'.repeat(5000)}`, {});
    vi.restoreAllMocks();
    expect(lines.length).toBeGreaterThan(0);
    // A minute may end meanwhile.
    expect(lines.join('').length).toBeLessThan(20_000);
  });
});

describe('the header of a reverse proxy', () => {
  const PROXY = '  proxy: { userHeader: Remote-User, from: [ 192.0.2.80 ] }\n';

  it('names the user, from there', async () => {
    const client = await open(PROXY);
    client.headers['remote-user'] = 'pat';
    client.address = '::ffff:192.0.2.80';
    expect((await client.get('/')).text).toContain('pat (act)');
  });

  it('names nobody from anywhere else, and the page says why', async () => {
    const client = await open(PROXY);
    client.headers['remote-user'] = 'pat';
    const { status, text } = await client.get('/');
    expect([status, text]).toEqual([
      401,
      expect.stringContaining('came from 127.0.0.1, which is not'),
    ]);
  });

  it('names nobody who is not in the file, and not two at once', async () => {
    const client = await open(PROXY);
    client.address = '192.0.2.80';
    for (const name of ['mallory', 'pat, ann']) {
      client.headers['remote-user'] = name;
      const { status, text } = await client.get('/');
      expect([status, text]).toEqual([401, expect.stringContaining('who is not in')]);
    }
  });

  it('counts at the unix socket, which only its group can reach', async () => {
    const listen = 'unix:/run/postern-web/socket';
    const client = await open('  proxy: {}\n  origin: http://127.0.0.1:8025\n', listen);
    client.address = undefined;
    client.headers['remote-user'] = 'pat';
    expect((await client.get('/')).text).toContain('pat (act)');
  });

  it('counts for nothing when the configuration has no proxy', async () => {
    const client = await open();
    client.headers['remote-user'] = 'pat';
    expect((await client.get('/')).status).toBe(303);
  });
});

describe('an unblock', () => {
  it('is carried out by the command, and explain shows by whom', async () => {
    const client = await loggedIn('ann');
    await at.run('block', 'alice@example.net');
    const fields = { block: '1', token: await client.token() };
    const { status, headers } = await client.post('/act/unblock', fields);
    expect(status).toBe(303);
    const shown = await client.get(headers.get('location') as string);
    expect(shown.text).toContain('alice@example.net is no longer blocked (block 1).');
    expect((await at.run('blocks')).out).toBe('Nobody is blocked.\n');
    expect(at.desk.store.actions.ofBlock(1)).toEqual([
      {
        time: expect.any(Number),
        who: 'ann',
        what: 'unblock',
        about: 'user:alice@example.net',
        block: 1,
        done: true,
      },
    ]);
  });

  it('is noted once, under the name of the visitor, whoever started the page', async () => {
    const client = await loggedIn('ann');
    vi.stubEnv('SUDO_USER', 'jo');
    await at.run('block', 'alice@example.net');
    await client.post('/act/unblock', { block: '1', token: await client.token() });
    vi.unstubAllEnvs();
    expect(at.desk.store.actions.newest(9).map(({ who, what }) => [who, what])).toEqual([
      ['ann', 'unblock'],
      ['jo', 'block'],
    ]);
    expect((await client.get('/story?id=alice%40example.net')).text).toContain(
      'block 1 begins: postern block by jo<',
    );
  });

  it('in a second tab says that it is done, by whom, and changes nothing', async () => {
    const client = await loggedIn('ann');
    await at.run('block', 'alice@example.net');
    const fields = { block: '1', token: await client.token() };
    await client.post('/act/unblock', fields);
    const { headers } = await client.post('/act/unblock', fields);
    const shown = await client.get(headers.get('location') as string);
    expect(shown.text).toContain('Block 1 has ended already (ann). Nothing was changed.');
    expect(at.desk.store.actions.newest(9)).toHaveLength(1);
  });

  it('of a block that a rule began is shown by explain', async () => {
    const client = await loggedIn('ann');
    const service = at.start();
    for (let count = 0; count < 5; count++)
      at.write(...bounced('alice@example.net', `nobody${count}@example.org`));
    expect(await eventually(() => at.desk.store.blocks.allRunning().length === 1)).toBe(true);
    await client.post('/act/unblock', { block: '1', token: await client.token() });
    await service.stop();
    expect((await at.run('explain', '1', '--utc')).out).toMatch(
      /^ {2}2\d{3}-\d\d-\d\d \d\d:\d\dZ {2}it ends: postern unblock by ann$/m,
    );
  });
});

describe('other actions', () => {
  it('block, with a time and a note', async () => {
    const client = await loggedIn('ann');
    const token = await client.token();
    await client.post('/act/block', { id: 'bob@example.net', for: '1h', note: 'ticket 7', token });
    expect(at.desk.store.blocks.allRunning()).toMatchObject([
      { key: { type: 'user', id: 'bob@example.net' }, note: 'ticket 7', end: expect.any(Number) },
    ]);
    await client.post('/act/note', { block: '1', note: '', token });
    expect(at.desk.store.blocks.get(1)).not.toHaveProperty('note');
  });

  it('say in words what the command refuses', async () => {
    const client = await loggedIn('ann');
    const fields = { id: '127.0.0.1', token: await client.token() };
    const { headers } = await client.post('/act/block', fields);
    const shown = await client.get(headers.get('location') as string);
    expect(shown.text).toContain('127.0.0.1 cannot be blocked');
    expect(at.desk.store.actions.newest(1)).toMatchObject([{ what: 'block', done: false }]);
  });

  it('delete nothing that is not ticked twice', async () => {
    const client = await loggedIn('ann');
    const fields = { id: 'alice@example.net', do: 'delete', message: ['4ABCDEF012'] };
    const { headers } = await client.post('/act/queue', { ...fields, token: await client.token() });
    const shown = await client.get(headers.get('location') as string);
    expect(shown.text).toContain('Nothing was deleted');
  });
});

describe('what cannot be read', () => {
  it.each([
    ['/story?id=', 400],
    ['/story?id=a%0ab', 400],
    ['/story?block=99', 404],
    ['/story?block=x', 404],
    ['/events?since=yesterdayish', 200],
    ['/report?since=13h14', 200],
    ['/report?day=yesterdayish', 200],
    ['/report?day=today&week=last', 200],
    ['/report/page?week=never', 400],
    ['/blocks?age=__proto__&host=nowhere', 200],
    ['/report/page?since=13h14', 400],
    ['/events.csv?kind=nonsense', 400],
    ['/rules/try?rule=invalid-recipients&limit=-1', 200],
    ['/rules/try?rule=invalid-recipients&limit=5&since=x', 400],
    ['/rules/tuning?since=x', 400],
    ['/blocks?page=999999&sort=__proto__', 200],
    ['/act/constructor', 404],
    ['/assets/..%2Fmain.js', 404],
  ])('%s', async (path, status) => {
    const client = await loggedIn('ann');
    const answer = await client.get(path);
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain('The page failed');
  });

  it('of a submitter that nobody knows is said so', async () => {
    const client = await loggedIn('ann');
    expect((await client.get('/story?id=nobody%40example.net')).text).toContain(
      'Nothing is known of nobody@example.net: no event is stored',
    );
  });

  it('is named, with what was expected', async () => {
    const client = await loggedIn('ann');
    expect((await client.get('/report?since=13h14')).text).toContain(
      'expected a duration such as 24h',
    );
    expect((await client.get('/report?day=13h14')).text).toContain(
      '--day 13h14: expected today, yesterday or a day such as 2026-11-09',
    );
    expect((await client.get('/report?from=2026-11-02&to=2026-11-01')).text).toContain(
      'must not be after',
    );
    expect((await client.get('/events?since=13h14')).text).toContain(
      'expected a duration such as 24h',
    );
    expect((await client.get('/blocks?since=13h14&age=day&sort=size')).text).toContain(
      'Not used: since: this list has no such filter. sort=size: expected newest, oldest, ',
    );
    expect((await client.get('/blocks?age=week&sort=who&state=')).text).not.toContain('Not used');
  });
});

describe('events', () => {
  it('are exported without formulas for spreadsheets', async () => {
    const client = await loggedIn('vic');
    const { store } = at.desk;
    const event = {
      source: 'mail.log',
      line: 1,
      offset: 0,
      time: Date.now(),
      mta: 'postfix',
    } as const;
    store.commit(() =>
      store.events.insert([
        {
          ...event,
          kind: 'bounced',
          recipient: '=cmd|x',
          sender: 'a"b@example.net',
          reply: '550, no',
        },
      ]),
    );
    const csv = await client.get('/events.csv');
    expect(csv.headers.get('content-disposition')).toContain('attachment');
    const [head, row] = csv.text.split('\r\n');
    expect(head).toBe(
      'time,kind,queueId,submitter,client,sender,recipient,reason,code,status,reply',
    );
    expect(row).toBe(
      `${formatTime(event.time)},bounced,,,,"a""b@example.net",'=cmd|x,,,,"550, no"`,
    );
    const lines = await client.get('/events.jsonl');
    expect(JSON.parse(lines.text)).toMatchObject({ kind: 'bounced', recipient: '=cmd|x' });
  });
});

describe('another limit', () => {
  it('is tried over the stored events', async () => {
    const client = await loggedIn('vic');
    const service = at.start();
    for (let count = 0; count < 4; count++)
      at.write(...bounced('alice@example.net', `nobody${count}@example.org`));
    expect(await eventually(() => at.desk.store.events.newest() >= 12)).toBe(true);
    await service.stop();
    const { text } = await client.get('/rules/try?rule=invalid-recipients&limit=3');
    expect(text).toContain('Limit 3 (tried): 1 key would have met it');
    expect(text).toContain('Limit 5 (its limit now): 0 keys would have met it');
    const all = (await client.get('/rules/tuning?since=1d')).text.replaceAll(/<[^>]*>/g, ' ');
    expect(all).toMatch(/1\s+0\s+0\s+invalid-recipients\s+block\s+5 in 1h/);
    expect(all).toMatch(/invalid-recipients\s+half\s+alice@example\.net/);
  });
});

describe('a list of blocks from several servers', () => {
  const rows = (text: string) =>
    [...text.matchAll(/<a href="\/story\?block=\d+">/g)].length === 0
      ? []
      : [...text.matchAll(/data-label="Who"[^>]*><a[^>]*>([^<]*)<\/a>/g)].map(([, who]) => who);

  it('is filtered and sorted by the server where they began, by cause and by age', async () => {
    const client = await loggedIn('vic', '');
    const { store } = at.desk;
    const begin = (id: string, ago: number, more: { host?: string; cause?: string }) =>
      store.commit(() =>
        store.blocks.start({
          key: { type: 'user', id },
          cause: 'manual',
          start: Date.now() - ago,
          ...more,
        }),
      );
    begin('own@example.net', 2 * HOUR, {});
    expect((await client.get('/blocks')).text).not.toContain('Began on');
    begin('far@example.net', 10 * DAY, { host: 'mx2.example.net', cause: 'invalid-recipients' });
    begin('near@example.net', HOUR / 2, { host: 'mx1.example.net' });
    const who = async (query: string) => rows((await client.get(`/blocks?${query}`)).text);
    expect(await who('host=mx2.example.net')).toEqual(['far@example.net']);
    expect(await who(`host=${hostname()}`)).toEqual(['own@example.net']);
    expect(await who('sort=host&state=all')).toEqual(
      [
        ['mx1.example.net', 'near@example.net'],
        ['mx2.example.net', 'far@example.net'],
        [hostname(), 'own@example.net'],
      ]
        .sort()
        .map(([, id]) => id),
    );
    expect(await who('age=hour')).toEqual(['near@example.net']);
    expect(await who('age=day')).toEqual(['near@example.net', 'own@example.net']);
    expect(await who('age=older')).toEqual(['far@example.net']);
    expect(await who('cause=invalid-recipients')).toEqual(['far@example.net']);
    expect((await client.get('/blocks')).text).toContain('<option value="mx2.example.net">');
  });
});

describe('a list of 100,000 blocks', () => {
  it('is searched whole and shown a page at a time', async () => {
    const client = await loggedIn('vic');
    const { store, db } = openStore(at.desk.config.database);
    const insert = db.prepare(
      "INSERT INTO block (key_type, key_id, cause, start) VALUES ('user', ?, 'manual', ?)",
    );
    store.commit(() => {
      for (let count = 0; count < 100_000; count++) insert.run(`user${count}@example.net`, count);
    });
    store.close();
    expect((await client.get('/blocks?q=user99999&sort=who')).text).toContain('1 block<');
    const { text } = await client.get('/blocks?page=2000');
    expect(text).toContain('100000 blocks<');
    expect(text).toContain('Page 2000 of 2000');
    expect(text.match(/user\d+@example\.net<\/a>/g)).toHaveLength(50);
  });
});
