/** A DNS server on loopback, by UDP and TCP on one port, whose answers the test gives. It counts the questions. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import packet, { type Answer, type Packet } from 'dns-packet';

/** Addresses; or no such name, a failure, a refusal, no answer at all; or addresses of which UDP gives only a part. */
export type Reply =
  | readonly string[]
  | 'nxdomain'
  | 'servfail'
  | 'refused'
  | 'silence'
  | { readonly truncated: readonly string[] };

export interface DnsServer {
  /** as --resolver takes it */
  readonly address: string;
  /** all names that were asked for, in their order; by TCP with `tcp ` in front */
  readonly asked: string[];
  close(): Promise<void>;
}

const NXDOMAIN = 3;
const RCODES = { servfail: 2, nxdomain: NXDOMAIN, refused: 5 } as const;
/** RFC 1035 4.1.1: the header's TC bit. */
const TRUNCATED = 1 << 9;

/** Starts a server that answers a name (lower case) with what `answer` returns. */
export async function startDns(answer: (name: string) => Reply): Promise<DnsServer> {
  const asked: string[] = [];
  const { udp, tcp } = await openBoth();
  udp.on('message', (bytes, from) => {
    const query = packet.decode(bytes);
    const name = readName(query);
    asked.push(name);
    const reply = answer(name);
    if (reply === 'silence') return;
    udp.send(packet.encode(build(query, reply, true)), from.port, from.address);
  });
  tcp.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const query = packet.streamDecode(bytes);
      const name = readName(query);
      asked.push(`tcp ${name}`);
      socket.end(packet.streamEncode(build(query, answer(name), false)));
    });
  });
  return {
    address: `127.0.0.1:${udp.address().port}`,
    asked,
    async close() {
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<unknown>((resolve) => tcp.close(resolve)),
      ]);
    },
  };
}

/** Sockets of both kinds with the same free port. A port that is free for one may be taken for the other. */
async function openBoth(): Promise<{ udp: Socket; tcp: Server }> {
  for (;;) {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    const tcp = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      tcp.once('error', () => resolve(false));
      tcp.listen(udp.address().port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) return { udp, tcp };
    udp.close();
  }
}

function readName({ questions }: Packet): string {
  return questions?.[0]?.name.toLowerCase() ?? '';
}

function build(query: Packet, reply: Reply, byUdp: boolean): Packet {
  const head = { id: query.id ?? 0, type: 'response' as const, questions: query.questions ?? [] };
  if (typeof reply === 'string') {
    return { ...head, flags: packet.RECURSION_DESIRED | RCODES[reply as keyof typeof RCODES] };
  }
  const name = query.questions?.[0]?.name ?? '';
  const isCut = 'truncated' in reply && byUdp;
  const addresses = 'truncated' in reply ? (isCut ? [] : reply.truncated) : reply;
  const answers = addresses.map((data): Answer => ({ type: 'A', name, ttl: 60, data }));
  return { ...head, flags: packet.RECURSION_DESIRED | (isCut ? TRUNCATED : 0), answers };
}

/** Answers that a table of names gives, NXDOMAIN for every other name. */
export function fromTable(table: Readonly<Record<string, Reply>>): (name: string) => Reply {
  return (name) => table[name] ?? 'nxdomain';
}
