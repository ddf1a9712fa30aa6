/** Frames, negotiation, macros and commands, byte by byte. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../src/milter/command.ts';
import {
  encodeFrame,
  type Frame,
  FrameReader,
  LONGEST_FRAME,
  readUint32,
  uint32,
} from '../../src/milter/frame.ts';
import { Macros } from '../../src/milter/macros.ts';
import {
  ACTIONS,
  type ActionName,
  nameBits,
  negotiate,
  PROTOCOL,
} from '../../src/milter/negotiation.ts';

const fromHex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex').toString('latin1');
const toHex = (bytes: string) => Buffer.from(bytes, 'latin1').toString('hex');

/** A byte string. */
const bytes = fc
  .uint8Array({ maxLength: 300 })
  .map((array) => Buffer.from(array).toString('latin1'));
const frames = fc.array(
  fc.record({ command: fc.constantFrom(...'CHMRTLNBEAQDKOU'), data: bytes }),
  { maxLength: 12 },
);

/** Reads `text` cut at these places. */
function readCut(text: string, cuts: readonly number[]): Frame[] {
  const reader = new FrameReader();
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort(
    (a, b) => a - b,
  );
  return places.slice(1).flatMap((end, at) => reader.read(text.slice(places[at], end)));
}

describe('frames', () => {
  it('are the same however the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 30 }), (list, cuts) => {
        const text = list.map(({ command, data }) => encodeFrame(command, data)).join('');
        expect(readCut(text, cuts)).toEqual(list);
      }),
    );
  });

  it('are the same cut at every byte', () => {
    const list = [
      { command: 'D', data: 'Mi\0ABC\0' },
      { command: 'M', data: '<a@b.example>\0SIZE=1000\0' },
      { command: 'A', data: '' },
      { command: 'R', data: '<x@y.example>\0' },
    ];
    const text = list.map(({ command, data }) => encodeFrame(command, data)).join('');
    for (let cut = 0; cut <= text.length; cut++) expect(readCut(text, [cut])).toEqual(list);
    expect(
      readCut(
        text,
        Array.from(text, (_, at) => at),
      ),
    ).toEqual(list);
  });

  it.each([
    ['length 0', '00000000 41'],
    ['4 GiB', 'ffffffff 41'],
    ['2 GiB', '80000000 41'],
    ['one more than the limit', '00100001 41'],
  ])('%s cannot be read, nor what follows', (_, hex) => {
    const reader = new FrameReader();
    expect(reader.read(encodeFrame('A') + fromHex(hex) + encodeFrame('Q'))).toEqual([
      { command: 'A', data: '' },
    ]);
    expect(reader.isBroken).toBe(true);
    expect(reader.read(encodeFrame('Q'))).toEqual([]);
  });

  it('may have the longest length, also byte by byte, in linear time', () => {
    const data = 'x'.repeat(LONGEST_FRAME - 1);
    const text = encodeFrame('B', data);
    expect(readCut(text, [1, 5, 1000])).toEqual([{ command: 'B', data }]);
    const reader = new FrameReader();
    let found: Frame[] = [];
    for (const char of text) found = found.concat(reader.read(char));
    expect(found).toEqual([{ command: 'B', data }]);
  });

  it('that are not complete wait', () => {
    const reader = new FrameReader();
    reader.read('\0\0\0');
    expect(reader.isWaiting).toBe(true);
    reader.read('\x01A');
    expect(reader.isWaiting).toBe(false);
  });

  it('have their integers big-endian', () => {
    for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
      expect(readUint32(uint32(value), 0)).toBe(value);
  });

  // The examples of the protocol, libmilter and Postfix both.
  it.each([
    ['00000018 79 35353020352e312e31206e6f2073756368207573657200', 'y', '550 5.1.1 no such user\0'],
    ['0000000f 65 3c6e40622e6578616d706c653e00', 'e', '<n@b.example>\0'],
    ['00000001 63', 'c', ''],
  ])('%s', (hex, command, data) => {
    expect(toHex(encodeFrame(command, data))).toBe(hex.replaceAll(' ', ''));
  });
});

describe('commands', () => {
  it.each([
    ['43 6c6f63616c686f737400 34 d278 3132372e302e302e3100', '127.0.0.1', 'localhost', 53880],
    [
      '43 6d61696c2e706565722e6578616d706c6500 36 115c 323030313a6462383a3a323500',
      '2001:db8::25',
      'mail.peer.example',
      4444,
    ],
    ['43 6c6f63616c686f737400 55', undefined, 'localhost', 0],
  ])('CONNECT %s', (hex, address, name, port) => {
    const [command, ...data] = fromHex(hex);
    expect(parseCommand({ command: command as string, data: data.join('') })).toEqual({
      kind: 'connect',
      client: { address, name, port },
    });
  });

  it.each([
    ['6', 'IPv6:2001:db8:0:0:0:0:0:25', '2001:db8::25'],
    ['6', 'ipv6:2001:DB8::25', '2001:db8::25'],
    ['6', '::ffff:192.0.2.7', '192.0.2.7'],
    ['4', '192.0.2.7', '192.0.2.7'],
    ['4', 'nonsense', undefined],
    ['L', '/run/socket', undefined],
  ])('CONNECT with family %s and %s', (family, text, address) => {
    const data = `host\0${family}\0\x19${text}\0`;
    expect(parseCommand({ command: 'C', data })).toMatchObject({ client: { address } });
  });

  it.each([
    ['C', ''],
    ['C', 'host'],
    ['C', 'host\0'],
    ['C', 'host\x004'],
    ['C', 'host\x004\0\x19192.0.2.7'],
    ['C', 'host\0X\0\x19192.0.2.7\0'],
    ['H', ''],
    ['H', 'x'],
    ['M', ''],
    ['M', '<a@b.example>'],
    ['R', '<a@b.example>'],
    ['D', ''],
    ['O', 'short'],
    ['X', ''],
    ['R', `<${'x'.repeat(70_000)}>\0`],
    ['D', `M${'x'.repeat(70_000)}`],
  ])('%s %j is not one', (command, data) => {
    expect(parseCommand({ command, data })).toBeUndefined();
  });

  it('are never a crash', () => {
    fc.assert(
      fc.property(fc.constantFrom(...'CHMRTLNBEAQDKOUXZ\0'), bytes, (command, data) => {
        parseCommand({ command, data });
      }),
    );
  });
});

describe('negotiation', () => {
  const CHANGES: readonly ActionName[] = ['ADDRCPT', 'DELRCPT', 'CHGFROM', 'ADDRCPT_PAR'];
  const needs = (actions: readonly ActionName[], ...stages: ('connect' | 'helo' | 'mail')[]) => ({
    actions,
    stages: new Set(stages),
  });
  const head = (answer: string) => [0, 4, 8].map((at) => readUint32(answer, at));

  it.each([
    ['6, no changes', { version: 6, actions: 0x1ff, protocol: 0x1f_ffff }, [], [6, 0x100, 0x170]],
    ['6, changes', { version: 6, actions: 0x1ff, protocol: 0x1f_ffff }, CHANGES, [6, 0x1cc, 0x170]],
    ['a newer one', { version: 9, actions: 0xfff, protocol: 0x3fff_ffff }, [], [6, 0x100, 0x170]],
    ['4', { version: 4, actions: 0x1ff, protocol: 0x3ff }, CHANGES, [4, 0xcc, 0x170]],
    ['3', { version: 3, actions: 0x1ff, protocol: 0x1ff }, CHANGES, [3, 0xcc, 0x170]],
    ['2', { version: 2, actions: 0x3f, protocol: 0x7f }, CHANGES, [2, 0x0c, 0x70]],
    ['2 with empty masks', { version: 2, actions: 0, protocol: 0 }, CHANGES, [2, 0x0c, 0x30]],
    ['no lists', { version: 6, actions: 0x3f, protocol: 0x1f_ffff }, CHANGES, [6, 0x0c, 0x170]],
  ] as const)('answers version %s', (_, offer, wanted, expected) => {
    const result = negotiate(offer, needs(wanted, 'connect', 'helo', 'mail'));
    expect(head(result?.answer ?? '')).toEqual(expected);
    expect((result?.answer.length ?? 0) > 12).toBe((expected[1] & ACTIONS.SETSYMLIST) !== 0);
  });

  it('sends macro lists for both ends, and empty ones at RCPT and HELO', () => {
    const { answer = '' } = negotiate({ version: 6, actions: 0x1ff, protocol: 0 }, needs([])) ?? {};
    const lists = [...answer.slice(12).matchAll(/\0\0\0([\0-\x06])([^\0]*)\0/g)];
    expect(lists.map(([, stage = '', names]) => [stage.charCodeAt(0), names])).toEqual([
      [0, 'j {daemon_name} {client_addr} {client_name} {client_port}'],
      [1, ''],
      [2, 'i {auth_type} {auth_authen}'],
      [3, ''],
      [4, 'i'],
      [5, 'i'],
      [6, 'i'],
    ]);
  });

  it('takes no version before 2', () => {
    for (const version of [0, 1])
      expect(negotiate({ version, actions: 0x3f, protocol: 0x7f }, needs([]))).toBeUndefined();
  });

  it.each([
    [[], 0x5172, ['connect', 'mail']],
    [['helo'], 0x5170, ['connect', 'mail']],
    [['connect'], 0x4172, ['mail']],
    [['mail'], 0x1172, ['connect']],
    [['connect', 'helo', 'mail'], 0x170, []],
  ] as const)(
    'saves a mail server the stages that nobody looks at, but for %j',
    (stages, protocol, silent) => {
      const offer = { version: 6, actions: 0x1ff, protocol: 0x1f_ffff };
      const result = negotiate(offer, needs([], ...stages));
      expect(head(result?.answer ?? '')).toEqual([6, 0x100, protocol]);
      expect([...(result?.silent ?? [])]).toEqual(silent);
      expect(negotiate({ ...offer, version: 2, protocol: 0x7f }, needs([]))?.silent.size).toBe(0);
    },
  );

  it('never answers what was not offered', () => {
    const mask = fc.nat({ max: 0x3fff_ffff });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), mask, mask, (version, actions, protocol) => {
        const [got = 0, a = 0, p = 0] = head(
          negotiate({ version, actions, protocol }, needs(CHANGES))?.answer ?? '',
        );
        expect(got).toBeLessThanOrEqual(version);
        expect(a & ~(actions || 0x0f)).toBe(0);
        expect(p & ~(protocol || 0x3f)).toBe(0);
      }),
    );
  });

  it('has names for its bits', () => {
    expect(nameBits(PROTOCOL, 0x170)).toEqual(['NOBODY', 'NOHDRS', 'NOEOH', 'NOUNKNOWN']);
    expect(nameBits(ACTIONS, 0x1cc)).toEqual([
      'ADDRCPT',
      'DELRCPT',
      'CHGFROM',
      'ADDRCPT_PAR',
      'SETSYMLIST',
    ]);
  });
});

describe('macros', () => {
  function having(...frames: readonly string[]): Macros {
    const macros = new Macros();
    for (const data of frames) macros.take(data);
    return macros;
  }

  it('are the same with and without braces', () => {
    const macros = having('C{daemon_name}\0MTA\0j\0mx.example\0', 'M{i}\0ABC\0');
    expect(['daemon_name', 'j', 'i'].map((name) => macros.get(name))).toEqual([
      'MTA',
      'mx.example',
      'ABC',
    ]);
  });

  it('come from the latest stage', () => {
    expect(having('Mi\0one\0', 'Ri\0two\0').get('i')).toBe('two');
    expect(having('Ri\0two\0', 'Mi\0one\0').get('i')).toBe('two');
  });

  it('are replaced by stage, never merged', () => {
    const macros = having('Mi\0one\0{auth_authen}\0alice\0', 'Mi\0two\0');
    expect(macros.get('auth_authen')).toBeUndefined();
    expect(having('Mi\0one\0', 'M').get('i')).toBeUndefined();
  });

  it('end with what they belong to', () => {
    const macros = having(
      'C{daemon_name}\0MTA\0',
      'H{tls_version}\0TLSv1.3\0',
      'Mi\0A\0',
      'Rx\0y\0',
    );
    macros.endRecipient();
    expect(macros.get('x')).toBeUndefined();
    macros.endMessage();
    expect(macros.get('i')).toBeUndefined();
    expect([macros.get('daemon_name'), macros.get('tls_version')]).toEqual(['MTA', 'TLSv1.3']);
  });

  it.each([
    ['Zi\0A\0'],
    ['M'],
    ['Mi'],
    ['Mi\0'],
    ['M\0'],
    ['M\0\0\0'],
    [`M${'i\0A\0'.repeat(500)}`],
  ])('are read from %j without harm', (data) => {
    expect([undefined, '', 'A']).toContain(having(data).get('i'));
  });
});
