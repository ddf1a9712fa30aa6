/** The same stories with Postfix and Sendmail: replies, the order of events, changes of the envelope. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  ACCEPT,
  type Change,
  encodeXtext,
  reject,
  tempfail,
  type Verdict,
} from '../../src/milter/handler.ts';
import { until } from '../support/folder.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { codes, DATA, type Hop, type Script, type ScriptedMilter, say } from './milter.ts';

export interface Rig {
  readonly milter: ScriptedMilter;
  readonly hop: Hop;
  readonly port: number;
  /** the address that may relay */
  readonly localAddress: string;
  /** what the mail server says in front of our text at MAIL and RCPT */
  prefix(address: string): string;
  evidence(): string;
}

const FROM = 'MAIL FROM:<x@out.example>';
const TO = 'RCPT TO:<a@in.example>';

export function describeMilter(name: 'Postfix' | 'Sendmail', rig: () => Rig): void {
  const isPostfix = name === 'Postfix';
  let open: SmtpClient[] = [];

  async function start(script: Script = {}): Promise<SmtpClient> {
    const { milter, port, localAddress } = rig();
    await until('earlier sessions to end', () => milter.server.counters.open === 0);
    milter.reset(script);
    const client = await SmtpClient.open({ port, localAddress, helo: 'client.example' });
    open.push(client);
    return client;
  }

  afterEach(() => {
    for (const client of open) client.close();
    open = [];
  });

  describe(`${name}: replies`, () => {
    it.each<[string, Verdict, number, string]>([
      ['a plain text', reject('5.1.1', 'no such user'), 550, '5.1.1 {}no such user'],
      ['per cent', reject('5.7.1', '100% spam %s %{i}'), 550, '5.7.1 {}100% spam %s %{i}'],
      ['two lines', reject('5.7.1', 'one\ntwo', 554), 554, '5.7.1 {}one\n5.7.1 two'],
      ['not ASCII', reject('5.7.1', 'gr\u00fc\u00dfe\u0000'), 550, '5.7.1 {}gr?e?'],
      ['for now', tempfail('4.3.5', 'later', 450), 450, '4.3.5 {}later'],
      ['nothing', tempfail('4.3.5', ''), 451, '4.3.5 {}Refused'],
      ['like a reply', reject('5.7.1', '250 2.0.0 ok'), 550, '5.7.1 {}250 2.0.0 ok'],
    ])('a recipient is refused with %s', async (_, verdict, code, text) => {
      const client = await start({ rcpt: () => verdict });
      const [, reply] = await say(client, FROM, TO);
      expect(reply?.code).toBe(code);
      // Sendmail has the address in front of it, but not always.
      const texts = [rig().prefix('<a@in.example>'), ''].map((one) => text.replace('{}', one));
      expect(texts).toContain(reply?.text);
      expect(codes(await say(client, 'RSET', FROM))).toEqual([250, 250]);
    });

    it('a long text comes in several lines, each short enough', async () => {
      const client = await start({ rcpt: () => reject('5.7.1', 'word '.repeat(500)) });
      const [, reply] = await say(client, FROM, TO);
      const lines = reply?.text.split('\n') ?? [];
      expect(lines.length).toBeGreaterThan(5);
      for (const line of lines) expect(line.length).toBeLessThan(506);
    });

    it('MAIL is refused, the next one is not', async () => {
      let count = 0;
      const client = await start({
        mail: () => (count++ === 0 ? reject('5.7.1', 'not you') : undefined),
      });
      expect(codes(await say(client, FROM, FROM, TO, 'RSET'))).toEqual([550, 250, 250, 250]);
    });

    it('one recipient is refused, the others are not', async () => {
      const client = await start({
        rcpt: ({ localPart }) => (localPart === 'b' ? reject('5.1.1', 'no') : undefined),
      });
      const others = ['RCPT TO:<b@in.example>', 'RCPT TO:<c@in.example>'];
      const replies = await say(client, `${FROM} ENVID=one`, TO, ...others);
      expect(codes(replies)).toEqual([250, 250, 550, 250]);
      expect(codes(await say(client, 'DATA', DATA))).toEqual([354, 250]);
      const envelope = await rig().hop.envelope('one');
      expect(envelope.join(' ')).not.toContain('b@in.example');
      expect(rig().milter.events).toContain('end 2');
    });

    it('after a refusal at DATA the transaction goes on', async () => {
      let count = 0;
      const client = await start({
        data: () => (count++ === 0 ? reject('5.7.1', 'no') : undefined),
      });
      const replies = await say(client, FROM, TO, 'DATA', 'RCPT TO:<b@in.example>', 'DATA', DATA);
      expect(codes(replies)).toEqual([250, 250, 550, 250, 354, 250]);
      expect(rig().milter.events.filter((event) => /^(?:data|end)/.test(event))).toEqual([
        'data',
        'data',
        'end 2',
      ]);
    });

    it('the message is refused at its end, for good or for now', async () => {
      for (const [verdict, code] of [
        [reject('5.7.1', 'no'), 550],
        [tempfail('4.7.1', 'later'), 451],
      ] as const) {
        const client = await start({ end: () => verdict });
        const replies = await say(client, FROM, TO, 'DATA', DATA);
        expect(codes(replies)).toEqual([250, 250, 354, code]);
        expect(replies[3]?.text).toBe(`${verdict.status} ${verdict.text}`);
        client.close();
      }
    });

    it('421 ends the session', async () => {
      const client = await start({ rcpt: () => tempfail('4.7.0', 'too many', 421) });
      const replies = await say(client, FROM, TO);
      expect(codes(replies)).toEqual([250, 421]);
      await expect(client.reply()).rejects.toThrow(/closed/);
    });

    it('a session is refused at CONNECT', async () => {
      const { milter, port, localAddress } = rig();
      await until('earlier sessions to end', () => milter.server.counters.open === 0);
      milter.reset({ connect: () => reject('5.7.1', 'go away') });
      await expect(SmtpClient.open({ port, localAddress })).rejects.toThrow(/SMTP 5/);
    });

    it('HELO is refused', async () => {
      const { port, localAddress } = rig();
      await start();
      rig().milter.reset({ helo: () => tempfail('4.7.1', 'later') });
      const client = await SmtpClient.open({ port, localAddress }).catch((error) => String(error));
      if (client instanceof SmtpClient) {
        open.push(client);
        expect(codes(await say(client, FROM))).toEqual([451]);
      } else expect(client).toMatch(/SMTP 451/);
    });
  });

  describe(`${name}: what is lost if a handler fails`, () => {
    const fail = () => {
      throw new Error('a bug');
    };
    const failLater = async () => fail();

    it.each<[string, Script, number[]]>([
      ['at MAIL', { mail: fail }, [451]],
      ['at RCPT', { rcpt: fail }, [250, 451]],
      ['at RCPT, later', { rcpt: failLater }, [250, 451]],
      ['at DATA', { data: failLater }, [250, 250, 451]],
      ['at the end', { end: failLater }, [250, 250, 354, 451]],
      ['with its changes', { changes: fail }, [250, 250, 354, 451]],
      [
        'with a change that is none',
        { changes: () => [{ kind: 'replace-sender', address: 'a b@c' }] },
        [250, 250, 354, 451],
      ],
      ['with its words', { rcpt: () => reject('4.1.1', 'no') }, [250, 451]],
      ['at CONNECT', { connect: fail }, [451]],
    ])('%s: nothing, and the session lives', async (_, script, expected) => {
      const client = await start(script);
      const lines = [FROM, TO, 'DATA', DATA].slice(0, expected.length);
      expect(codes(await say(client, ...lines))).toEqual(expected);
      rig().milter.script = {};
      if (script.connect !== undefined) return;
      expect(codes(await say(client, 'RSET', FROM, TO, 'DATA', DATA))).toEqual([
        250, 250, 250, 354, 250,
      ]);
    });
  });

  describe(`${name}: events`, () => {
    /** Events of a session, as soon as it has ended. */
    async function eventsOf(...lines: readonly string[]): Promise<string[]> {
      const client = await start();
      await say(client, ...lines);
      client.close();
      await until('the end of the session', () => rig().milter.events.includes('close'));
      return [...rig().milter.events];
    }
    const begin = ['connect 127.0.0.1', 'helo client.example'];
    const first = () => [begin[0]?.replace('127.0.0.1', rig().localAddress), begin[1]];
    const message = ['mail <x@out.example>', 'rcpt <a@in.example>', 'data', 'end 1'];

    it.each<[string, string[], string[]]>([
      ['one message', [FROM, TO, 'DATA', DATA, 'QUIT'], message],
      ['two messages', [FROM, TO, 'DATA', DATA, FROM, TO, 'DATA', DATA], [...message, ...message]],
      [
        'RSET in a transaction',
        [FROM, TO, 'RSET', FROM, TO, 'DATA', DATA],
        [message[0] as string, message[1] as string, 'abort', ...message],
      ],
      ['no transaction', ['RSET', 'NOOP', 'RSET', 'QUIT'], []],
      ['a drop in mid-transaction', [FROM, TO], [...message.slice(0, 2), 'abort']],
      ['a drop after DATA was refused by nobody', [FROM], [message[0] as string, 'abort']],
    ])('%s', async (_, lines, events) => {
      expect(await eventsOf(...lines)).toEqual([...first(), ...events, 'close']);
    });

    it('a second EHLO, with and without a transaction', async () => {
      const again = 'EHLO again.example';
      expect(await eventsOf(again, FROM, TO, 'DATA', DATA)).toEqual([
        ...first(),
        'helo again.example',
        ...message,
        'close',
      ]);
      const events = await eventsOf(FROM, TO, again, FROM, TO, 'DATA', DATA);
      // Postfix says HELO first and ABORT with the next command, Sendmail the other way round.
      const middle = ['helo again.example', 'abort'];
      expect(events).toEqual([
        ...first(),
        ...message.slice(0, 2),
        ...(isPostfix ? middle : middle.reverse()),
        ...message,
        'close',
      ]);
      expect(rig().milter.last?.session.helo).toBe('again.example');
    });

    it('a recipient that is given twice comes twice', async () => {
      const events = await eventsOf(FROM, TO, TO, 'DATA', DATA);
      expect(events.filter((event) => event.startsWith('rcpt'))).toHaveLength(2);
    });

    it('accepting the message hides the rest of it, not the next one', async () => {
      const client = await start({ rcpt: () => ACCEPT });
      const lines = [FROM, TO, 'RCPT TO:<b@in.example>', 'DATA', DATA];
      expect(codes(await say(client, ...lines))).toEqual([250, 250, 250, 354, 250]);
      rig().milter.script = {};
      expect(codes(await say(client, FROM, TO, 'DATA', DATA))).toEqual([250, 250, 354, 250]);
      expect(rig().milter.events.slice(2)).toEqual([...message.slice(0, 2), ...message]);
    });

    it('DATA is accepted: no end of message', async () => {
      const client = await start({ data: () => ACCEPT });
      expect(codes(await say(client, FROM, TO, 'DATA', DATA))).toEqual([250, 250, 354, 250]);
      expect(rig().milter.events.at(-1)).toBe('data');
    });

    it('the session is accepted at CONNECT: nothing more is asked', async () => {
      const client = await start({ connect: () => ACCEPT });
      expect(codes(await say(client, FROM, TO, 'DATA', DATA))).toEqual([250, 250, 354, 250]);
      expect(rig().milter.events.filter((event) => event.startsWith('mail'))).toEqual([]);
    });

    it('knows the client, the daemon and the queue ID', async () => {
      const client = await start();
      await say(client, FROM, TO, 'RCPT TO:<b@in.example>');
      const { last } = rig().milter;
      expect(last).toMatchObject({ login: undefined, isLocal: false });
      expect(last?.queueId).toMatch(/^\w{8,}$/);
      expect(last?.session.client).toMatchObject({ address: rig().localAddress });
      expect(last?.session.client.port).toBeGreaterThan(1023);
      expect(last?.session.daemonName).toBe(isPostfix ? 'mx.example.net' : 'MTA');
    });

    it('1000 recipients in one message, every tenth unknown', async () => {
      const client = await start({
        rcpt: ({ localPart }) => (localPart.endsWith('0') ? reject('5.1.1', 'no') : undefined),
      });
      await say(client, FROM);
      const refused: number[] = [];
      for (let number = 1; number <= 1000; number++) {
        const [reply] = await say(client, `RCPT TO:<user${number}@in.example>`);
        if (reply?.code === 550) refused.push(number);
        else expect(reply?.code).toBe(250);
      }
      expect(refused).toEqual(Array.from({ length: 100 }, (_, at) => 10 * (at + 1)));
      expect(codes(await say(client, 'DATA', DATA))).toEqual([354, 250]);
      expect(rig().milter.events.at(-1)).toBe('end 900');
    });

    it('a session that waits delays no other', async () => {
      let answer: (verdict: Verdict) => void = () => {};
      const script: Script = {
        rcpt: ({ localPart }) =>
          localPart === 'slow' ? new Promise((resolve) => (answer = resolve)) : undefined,
      };
      const slow = await start(script);
      await say(slow, FROM);
      const waiting = slow.command('RCPT TO:<slow@in.example>');
      await until('the question', () => rig().milter.events.at(-1) === 'rcpt <slow@in.example>');
      const { port, localAddress } = rig();
      const quick = await SmtpClient.open({ port, localAddress });
      open.push(quick);
      expect(codes(await say(quick, FROM, TO, 'DATA', DATA))).toEqual([250, 250, 354, 250]);
      answer(reject('5.1.1', 'no'));
      expect((await waiting).code).toBe(550);
    });

    it('a client that goes away while a handler works disturbs no other session', async () => {
      // The mail server notices its client only after our answer, or after its own time-out.
      const script: Script = {
        rcpt: () => new Promise((resolve) => setTimeout(resolve, 300, tempfail('4.3.0', 'slow'))),
      };
      const client = await start(script);
      await say(client, FROM);
      client.command(TO).catch(() => {});
      await until('the question', () => rig().milter.events.at(-1)?.startsWith('rcpt'));
      client.close();
      await until('the end of the session', () => rig().milter.events.includes('close'));
      expect(rig().milter.events.slice(-2)).toEqual(['abort', 'close']);
      const next = await start();
      expect(codes(await say(next, FROM, TO, 'DATA', DATA))).toEqual([250, 250, 354, 250]);
    });
  });

  describe(`${name}: the arguments`, () => {
    it.each([
      ['RCPT TO:<A.User@In.Example>', '<A.User@In.Example>', 'A.User@In.Example'],
      ['RCPT TO: <a@in.example>', '<a@in.example>', 'a@in.example'],
      ['RCPT TO:a@in.example', 'a@in.example', 'a@in.example'],
      ['RCPT TO:<"a b"@in.example>', '<"a b"@in.example>', '"a b"@in.example'],
      ['RCPT TO:<@hop.example:a@in.example>', '<@hop.example:a@in.example>', 'a@in.example'],
    ])('%s', async (command, argument, address) => {
      let seen: unknown;
      const client = await start({
        rcpt: (recipient) => {
          seen = recipient;
          return undefined;
        },
      });
      expect(codes(await say(client, FROM, command))).toEqual([250, 250]);
      expect(seen).toMatchObject({ argument, address });
    });

    it('the null sender, and parameters', async () => {
      const client = await start();
      expect(
        codes(await say(client, 'MAIL FROM:<> RET=HDRS', 'RCPT TO:<a@in.example> NOTIFY=NEVER')),
      ).toEqual([250, 250]);
      const { last } = rig().milter;
      expect(last?.sender).toMatchObject({ argument: '<>', address: '', parameters: ['RET=HDRS'] });
      expect(last?.recipients[0]?.parameters).toEqual(['NOTIFY=NEVER']);
    });
  });

  describe(`${name}: changes of the envelope`, () => {
    let count = 0;
    const RCPT = 'RCPT TO:<a@in.example> NOTIFY=DELAY ORCPT=rfc822;a@in.example';
    const del = (argument: string): Change => ({ kind: 'delete-recipient', argument });
    const add = (address: string, ...parameters: string[]): Change => ({
      kind: 'add-recipient',
      address,
      parameters,
    });
    const sender = (address: string): Change => ({ kind: 'replace-sender', address });

    /** What the next hop hears, parameters sorted, SIZE and BODY left out. */
    async function delivered(
      changes: readonly Change[],
      recipients: readonly string[] = [RCPT],
    ): Promise<string[]> {
      const client = await start({ changes: () => changes });
      const id = `orig${++count}`;
      const mail = `${FROM} RET=FULL ENVID=${id}`;
      const replies = await say(client, mail, ...recipients, 'DATA', DATA);
      expect(codes(replies).at(-1)).toBe(250);
      const envelope = await rig().hop.envelope(id);
      return envelope.map((line) => {
        const [, path = '', rest = ''] = /^(\S+ \w+:<[^>]*>)(.*)$/.exec(line) ?? [];
        const kept = rest.split(' ').filter((one) => one !== '' && !/^(?:SIZE|BODY)=/.test(one));
        return [path, ...kept.sort()].join(' ').replace(`ENVID=${id}`, 'ENVID=orig');
      });
    }

    const from = 'MAIL FROM:<x@out.example> ENVID=orig RET=FULL';
    const to = 'RCPT TO:<a@in.example> NOTIFY=DELAY ORCPT=rfc822;a@in.example';

    it('none', async () => {
      expect(await delivered([])).toEqual([from, to]);
    });

    it.each([
      ['<n@o.example>', '<n@o.example>'],
      ['n@o.example', '<n@o.example>'],
      ['', '<>'],
      ['"prvs=0730576ed6=a b"@o.example', '<"prvs=0730576ed6=a b"@o.example>'],
      ['prvs=0730576ed6=User.Name@o.example', '<prvs=0730576ed6=User.Name@o.example>'],
    ])('the sender becomes %j; RET and ENVID stay', async (address, path) => {
      expect(await delivered([sender(address)])).toEqual([
        `MAIL FROM:${path} ENVID=orig RET=FULL`,
        to,
      ]);
    });

    it('a recipient is replaced, with NOTIFY and ORCPT', async () => {
      const orcpt = `ORCPT=rfc822;${encodeXtext('orig+x@in.example')}`;
      expect(
        await delivered([add('b@in.example', 'NOTIFY=FAILURE', orcpt), del('<a@in.example>')]),
      ).toEqual([from, 'RCPT TO:<b@in.example> NOTIFY=FAILURE ORCPT=rfc822;orig+2Bx@in.example']);
    });

    it('a recipient is added although a parameter is wrong', async () => {
      const lines = await delivered([add('b@in.example', 'NOTIFY=FAILURE', 'FOO=bar')]);
      expect(lines.filter((line) => line.startsWith('RCPT'))).toHaveLength(2);
      expect(lines.join(' ')).toMatch(/<b@in\.example> NOTIFY=FAILURE/);
    });

    it('a recipient is known only by its own spelling', async () => {
      const lines = await delivered([del('<A@IN.example>'), add('b@in.example')]);
      expect(lines.filter((line) => line.startsWith('RCPT'))).toHaveLength(2);
    });

    it('one that nobody gave is deleted without harm', async () => {
      expect(await delivered([del('<never@seen.example>')])).toEqual([from, to]);
    });

    it.each([
      ['signed alone', ['RCPT TO:<prvs=0730576ed6=a@in.example>']],
      ['signed and plain', ['RCPT TO:<prvs=0730576ed6=a@in.example>', 'RCPT TO:<a@in.example>']],
      ['plain and signed', ['RCPT TO:<a@in.example>', 'RCPT TO:<prvs=0730576ed6=a@in.example>']],
    ])('a signed recipient is restored once: %s', async (_, recipients) => {
      const given = recipients.map((line) => line.slice('RCPT TO:'.length));
      const lines = await delivered([...given.map(del), add('a@in.example')], recipients);
      const paths = lines
        .filter((line) => line.startsWith('RCPT'))
        .map((line) => line.split(' ')[1]);
      expect(paths).toEqual(['TO:<a@in.example>']);
    });

    it('everything in one message', async () => {
      const changes = [sender('n@o.example'), add('b@in.example'), del('<a@in.example>')];
      const lines = await delivered(changes);
      expect(lines[0]).toBe('MAIL FROM:<n@o.example> ENVID=orig RET=FULL');
      expect(lines.slice(1).map((line) => line.split(' ')[1])).toEqual(['TO:<b@in.example>']);
    });

    it('all recipients deleted: the client keeps the mail, nothing is lost', async () => {
      const client = await start({ changes: () => [del('<a@in.example>')] });
      const replies = await say(client, FROM, RCPT, 'DATA', DATA);
      expect(codes(replies)).toEqual([250, 250, 354, 451]);
      expect(rig().milter.logged.at(-1)).toMatch(/would be lost/);
    });
  });
}
