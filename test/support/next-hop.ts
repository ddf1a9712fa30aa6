/** A next hop that answers what the test wants, or nothing: a very small mail server on a free port of this machine. */
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A reply without line end; `hang`: none ever; `reset` and `close`: the connection is broken off in its place. */
export type Answer = string | 'hang' | 'reset' | 'close';

/** What it is asked: `connect`, `.` for the end of a message, or a command line. */
export type Answers = (asked: string) => Answer | undefined;

export interface NextHop {
  readonly port: number;
  /** commands, in their order */
  readonly heard: readonly string[];
  /** the same by connection */
  readonly sessions: readonly (readonly string[])[];
  /** how many messages it got to their end */
  readonly messages: number;
  /** resolves when it was asked something that begins so */
  asked(start: string): Promise<void>;
  close(): Promise<void>;
}

/** What it answers when `answers` gives nothing. */
function usual(asked: string): Answer {
  if (asked === 'connect') return '220 mx.example.net';
  if (asked.startsWith('DATA')) return '354 go on';
  return asked.startsWith('QUIT') ? '221 bye' : '250 yes';
}

export async function startNextHop(answers: Answers = () => undefined): Promise<NextHop> {
  const heard: string[] = [];
  const sessions: string[][] = [];
  const waiting: { readonly start: string; readonly done: () => void }[] = [];
  const open = new Set<Socket>();
  const state = { messages: 0 };
  const server = createServer((socket) => {
    open.add(socket);
    const session: string[] = [];
    sessions.push(session);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    const say = (asked: string) => {
      heard.push(asked);
      session.push(asked);
      for (const { start, done } of waiting) if (asked.startsWith(start)) done();
      const answer = answers(asked) ?? usual(asked);
      if (answer === 'reset') socket.resetAndDestroy();
      else if (answer === 'close') socket.end();
      else if (answer !== 'hang') socket.write(`${answer}\r\n`);
      return answer;
    };
    let rest = '';
    let isMessage = false;
    socket.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (isMessage && line !== '.') continue;
        if (isMessage) state.messages++;
        isMessage = say(line).startsWith('354');
      }
    });
    say('connect');
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    sessions,
    get messages() {
      return state.messages;
    },
    asked: (start) => new Promise((done) => waiting.push({ start, done })),
    close() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
