/** From names to addresses, with a DNS server on loopback: no name reaches the network. */
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Hosts } from '../../src/recipients/hosts.ts';
import { HandClock } from '../support/recipients.ts';

const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

/** A DNS server that knows mail exchangers, RFC 1035 4.1. */
async function startDns(known: Record<string, [priority: number, host: string][]>) {
  const asked: string[] = [];
  const socket = createSocket('udp4', (query, peer) => {
    const end = query.indexOf(0, 12) + 5;
    const name = readName(query);
    asked.push(name);
    const answers = (known[name] ?? []).map(([priority, host]) => {
      const data = Buffer.concat([Buffer.from([priority >> 8, priority & 255]), writeName(host)]);
      const head = Buffer.from([
        0xc0,
        12,
        0,
        15,
        0,
        1,
        0,
        0,
        0,
        60,
        data.length >> 8,
        data.length & 255,
      ]);
      return Buffer.concat([head, data]);
    });
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(answers.length > 0 ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(answers.length, 6);
    header.writeUInt16BE(0, 10);
    socket.send(
      Buffer.concat([header, query.subarray(12, end), ...answers]),
      peer.port,
      peer.address,
    );
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  closes.push(() => socket.close());
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return { resolver, asked };
}

function readName(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0; at += (query[at] as number) + 1)
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] as number)));
  return labels.join('.').toLowerCase();
}

function writeName(host: string): Buffer {
  const labels = host === '' ? [] : host.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

describe('a back end', () => {
  it('is its mail exchangers in order of preference', async () => {
    const { resolver } = await startDns({
      'example.test': [
        [20, 'localhost'],
        [10, '127.0.0.9'],
      ],
    });
    const hosts = new Hosts(new HandClock(), resolver, 4);
    const found = await hosts.find({ host: 'example.test', port: 2525, mx: true });
    expect(found).toMatchObject(
      [
        { address: '127.0.0.9', port: 2525 },
        { address: '127.0.0.1', port: 2525, name: 'localhost' },
      ].slice(0, found.length),
    );
    expect(found.length).toBeGreaterThan(1);
  });

  it('is the host itself if it has no mail exchanger, or is in brackets', async () => {
    const { resolver, asked } = await startDns({});
    const hosts = new Hosts(new HandClock(), resolver, 4);
    const itself = [{ address: '127.0.0.1', port: 25, name: 'localhost' }];
    expect(await hosts.find({ host: 'localhost', port: 25, mx: true })).toMatchObject(itself);
    expect(asked).toEqual(['localhost']);
    expect(await hosts.find({ host: 'localhost', port: 26, mx: false })).toMatchObject([
      { address: '127.0.0.1', port: 26 },
    ]);
    expect(asked).toHaveLength(1);
  });

  it('is not ourselves, nor a server that is less preferred than ourselves', async () => {
    const { resolver } = await startDns({
      'example.test': [
        [10, '127.0.0.9'],
        [20, 'localhost'],
        [30, '127.0.0.10'],
      ],
    });
    const hosts = new Hosts(new HandClock(), resolver, 4);
    expect(await hosts.find({ host: 'example.test', port: 25, mx: true })).toEqual([
      { address: '127.0.0.9', port: 25, name: '127.0.0.9' },
    ]);
  });

  it('that receives no mail (RFC 7505) has no address', async () => {
    const { resolver } = await startDns({ 'example.test': [[0, '']] });
    const hosts = new Hosts(new HandClock(), resolver, 0);
    expect(await hosts.find({ host: 'example.test', port: 25, mx: true })).toBe(
      'example.test has no address',
    );
  });

  it('is looked up once a minute', async () => {
    const { resolver, asked } = await startDns({ 'example.test': [[10, '127.0.0.9']] });
    const clock = new HandClock();
    const hosts = new Hosts(clock, resolver, 0);
    const server = { host: 'example.test', port: 25, mx: true };
    await Promise.all([hosts.find(server), hosts.find(server)]);
    await hosts.find(server);
    expect(asked).toHaveLength(1);
    clock.time += 60_000;
    await hosts.find(server);
    expect(asked).toHaveLength(2);
  });
});
