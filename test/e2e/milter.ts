/** What the tests of the milter with real mail servers share: a scripted handler, a next hop that knows DSN, a client. */
import { join } from 'node:path';
import { parseMilterAddress } from '../../src/base/listen-address.ts';
import type { Log } from '../../src/base/log.ts';
import type {
  ActionName,
  Change,
  Conclusion,
  EnvelopeAddress,
  MilterHandler,
  MilterMessage,
  MilterSession,
  Verdict,
} from '../../src/milter/handler.ts';
import { CONTINUE } from '../../src/milter/handler.ts';
import { MilterServer } from '../../src/milter/server.ts';
import { until } from '../support/folder.ts';
import { type NextHop, startNextHop } from '../support/next-hop.ts';
import type { SmtpClient, SmtpReply } from '../support/smtp-client.ts';

type Answer = Verdict | Promise<Verdict> | undefined;

/** What the handler answers; undefined continues. */
export interface Script {
  connect?: (session: MilterSession) => Answer;
  helo?: (session: MilterSession) => Answer;
  mail?: (message: MilterMessage) => Answer;
  rcpt?: (recipient: EnvelopeAddress, message: MilterMessage) => Answer;
  data?: (message: MilterMessage) => Answer;
  end?: (message: MilterMessage) => Answer;
  changes?: (message: MilterMessage) => readonly Change[];
}

const ACTIONS: readonly ActionName[] = ['ADDRCPT', 'DELRCPT', 'CHGFROM', 'ADDRCPT_PAR'];

/** A milter in this process, at `path` and perhaps a port; notes what it is asked. */
export class ScriptedMilter {
  readonly events: string[] = [];
  readonly logged: string[] = [];
  readonly server: MilterServer;
  script: Script = {};
  last: MilterMessage | undefined;

  constructor() {
    const say = (data: object, text: string) =>
      void this.logged.push(`${text} ${JSON.stringify(data)}`);
    const log = { debug: () => {}, info: say, warn: say, error: say } as unknown as Log;
    this.server = new MilterServer({ handler: this.#handler(), log });
  }

  async listen(folder: string, port?: number): Promise<void> {
    const texts = [`unix:${join(folder, 'milter')}`, ...(port ? [`inet:${port}@127.0.0.1`] : [])];
    const listen = texts.map((text) => parseMilterAddress(text) as never);
    await this.server.listen({ listen, access: { mode: 0o666 } });
    await until('the milter to listen', () => this.server.isListening);
  }

  reset(script: Script = {}): void {
    this.script = script;
    this.events.length = 0;
    this.last = undefined;
  }

  #handler(): MilterHandler {
    const note = (text: string) => void this.events.push(text);
    return {
      name: 'scripted',
      actions: ACTIONS,
      connect: (session) => {
        note(`connect ${session.client.address}`);
        return this.script.connect?.(session) ?? CONTINUE;
      },
      helo: (session) => {
        note(`helo ${session.helo}`);
        return this.script.helo?.(session) ?? CONTINUE;
      },
      mail: (message) => {
        this.last = message;
        note(`mail ${message.sender.argument}`);
        return this.script.mail?.(message) ?? CONTINUE;
      },
      rcpt: (recipient, message) => {
        note(`rcpt ${recipient.argument}`);
        return this.script.rcpt?.(recipient, message) ?? CONTINUE;
      },
      data: (message) => {
        note('data');
        return this.script.data?.(message) ?? CONTINUE;
      },
      endOfMessage: async (message): Promise<Conclusion> => {
        note(`end ${message.recipients.length}`);
        const verdict = (await this.script.end?.(message)) ?? CONTINUE;
        return { verdict, changes: this.script.changes?.(message) ?? [] };
      },
      abort: () => note('abort'),
      close: () => note('close'),
    };
  }
}

export interface Hop extends NextHop {
  /** MAIL and RCPT commands of the message with this ENVID, once it has come through; keywords in capitals */
  envelope(id: string): Promise<string[]>;
}

/** A next hop that offers DSN, so that the mail server passes NOTIFY, ORCPT, RET and ENVID on. */
export async function startHop(): Promise<Hop> {
  const hop = await startNextHop((asked) =>
    asked.startsWith('EHLO') ? '250-hop.example\r\n250-8BITMIME\r\n250 DSN' : undefined,
  );
  const find = (id: string) => {
    for (const session of hop.sessions) {
      const start = session.findIndex((line) => line.includes(` ENVID=${id}`));
      const end = session.indexOf('.', start);
      if (start >= 0 && end >= 0) return session.slice(start, end);
    }
    return undefined;
  };
  const envelope = async (id: string) => {
    const lines = await until(`message ${id} at the next hop`, () => find(id));
    return lines
      .filter((line) => /^(?:MAIL|RCPT)/.test(line))
      .map((line) => line.replace(/^\S+ \w+:/, (start) => start.toUpperCase()));
  };
  return Object.assign(Object.create(hop) as NextHop, { envelope });
}

export const DATA = 'Subject: A test\r\n\r\nHello.\r\n.';

/** Sends lines one after the other and returns the replies. */
export async function say(client: SmtpClient, ...lines: readonly string[]): Promise<SmtpReply[]> {
  const replies: SmtpReply[] = [];
  for (const line of lines) replies.push(await client.command(line));
  return replies;
}

export function codes(replies: readonly SmtpReply[]): number[] {
  return replies.map(({ code }) => code);
}
