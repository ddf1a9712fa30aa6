/** A DNS server on loopback that answers from a zone, one record a line: `example.net TXT v=spf1 -all` (RFC 1035). */
import { createSocket } from 'node:dgram';
import ipaddr from 'ipaddr.js';

const TYPES = { A: 1, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;
type Type = keyof typeof TYPES;

interface ZoneRecord {
  readonly name: string;
  readonly type: Type;
  readonly data: Buffer;
}

export interface ZoneServer {
  /** as --resolver takes it */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * `SERVFAIL name` makes every question for that name fail. The name of a PTR record is an address. It listens on a free
 * port, or on port 53 of `host`, where a mail server can be made to ask (`resolver` in its options).
 */
export async function serveZone(zone: string, host?: string): Promise<ZoneServer> {
  const lines = zone
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const failing = lines.flatMap((line) => /^SERVFAIL (\S+)$/.exec(line)?.[1] ?? []);
  const records = lines.filter((line) => !line.startsWith('SERVFAIL ')).map(readRecord);
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    socket.send(answer(query, records, failing), from.port, from.address);
  });
  await new Promise<void>((resolve) =>
    socket.bind(host === undefined ? 0 : 53, host ?? '127.0.0.1', resolve),
  );
  return {
    address: `${host ?? '127.0.0.1'}:${socket.address().port}`,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function readRecord(line: string): ZoneRecord {
  const [, name = '', type = '', value = ''] = /^(\S+) (\S+) (.*)$/.exec(line) ?? [];
  const owner = type === 'PTR' ? reverseName(name) : name;
  return { name: owner.toLowerCase(), type: type as Type, data: encodeData(type as Type, value) };
}

function reverseName(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray();
  if (bytes.length === 4) return `${bytes.reverse().join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 15]).reverse();
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}

function encodeData(type: Type, value: string): Buffer {
  if (type === 'A' || type === 'AAAA') return Buffer.from(ipaddr.parse(value).toByteArray());
  if (type === 'PTR') return encodeName(value);
  if (type === 'MX') {
    const [preference = '', name = ''] = value.split(' ');
    const number = Buffer.alloc(2);
    number.writeUInt16BE(Number(preference));
    return Buffer.concat([number, encodeName(name === '.' ? '' : name)]);
  }
  const strings = value.match(/.{1,255}/g) ?? [''];
  return Buffer.concat(
    strings.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])),
  );
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

/** Header and question are those of the query; a compressed name points at the question. */
function answer(query: Buffer, records: readonly ZoneRecord[], failing: readonly string[]): Buffer {
  const labels: string[] = [];
  let at = 12;
  while (query[at] !== 0) {
    const length = query[at] as number;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const name = labels.join('.').toLowerCase();
  const type = query.readUInt16BE(at + 1);
  const own = records.filter((record) => record.name === name);
  const found = own.filter((record) => TYPES[record.type] === type);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  const code = failing.includes(name) ? 2 : own.length === 0 ? 3 : 0;
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  const answers = found.map(({ data }) => {
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(type, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(60, 6);
    fixed.writeUInt16BE(data.length, 10);
    return Buffer.concat([fixed, data]);
  });
  return Buffer.concat([header, query.subarray(12, at + 5), ...answers]);
}
