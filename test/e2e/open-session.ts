/**
 * A stolen account that sends on one session as fast as the server takes it, and what of that goes through after
 * the line on which the verdict falls. Counted from the server's own log, so that no clock is needed.
 */
import { appendFileSync } from 'node:fs';
import { readText } from '../support/folder.ts';
import type { Postern } from '../support/postern.ts';
import { type ConnectOptions, SmtpClient } from '../support/smtp-client.ts';

/** recipients of each message; every second one does not exist */
const RECIPIENTS = 4;
/** after so many messages the bot gives up */
const ENOUGH = 4000;

export interface Bot {
  /** how many messages were taken with 250, held or not */
  readonly taken: number;
  /** how many messages were refused, or lost their recipients */
  readonly refused: number;
  /** messages a second, from start to end */
  rate(): number;
  /** Sends `count` messages more on the same session, then ends. */
  finish(count: number): Promise<void>;
}

/** Starts to send; each message is one write of MAIL, RCPT and DATA (RFC 2920), and one of the content. */
export async function startBot(from: ConnectOptions): Promise<Bot> {
  const client = await SmtpClient.open(from);
  const sender = from.auth?.user ?? 'app@example.net';
  const count = { taken: 0, refused: 0, last: ENOUGH };
  const start = performance.now();
  let end = start;
  const work = (async () => {
    for (let number = 0; number < count.last; number++) {
      count[(await sendOne(client, sender, number)) ? 'taken' : 'refused']++;
    }
    end = performance.now();
    await client.quit();
  })();
  work.catch(() => {}); // told by finish()
  return {
    get taken() {
      return count.taken;
    },
    get refused() {
      return count.refused;
    },
    rate: () => (1000 * (count.taken + count.refused)) / (end - start),
    async finish(more) {
      count.last = count.taken + count.refused + more;
      await work;
    },
  };
}

async function sendOne(client: SmtpClient, sender: string, number: number): Promise<boolean> {
  const recipients = Array.from(
    { length: RECIPIENTS },
    (_, index) => `${index % 2 === 0 ? 'nobody' : 'friend'}${number}-${index}@example.org`,
  );
  const lines = [`MAIL FROM:<${sender}>`, ...recipients.map((to) => `RCPT TO:<${to}>`), 'DATA'];
  let reply = await client.command(lines.join('\r\n'));
  for (let more = 1; more < lines.length; more++) reply = await client.reply();
  if (reply.code !== 354) {
    await client.command('RSET');
    return false;
  }
  return (await client.command('Subject: x\r\n\r\nx\r\n.')).code === 250;
}

/** What of the submitter's mail went through, though it was complete only after the verdict's line. */
export interface Figures {
  /** messages that came to their end after that line */
  readonly after: number;
  /** those of them that went out */
  readonly through: number;
}

/** The lines of a log behind the one on which the verdict about `who` falls, as a replay of that log tells. */
export async function linesAfterVerdict(
  postern: Postern,
  logFile: string,
  who: string,
): Promise<string[]> {
  const replay = await postern.command('replay', '--format', 'json', logFile);
  const verdicts = JSON.parse(replay.stdout).verdicts as {
    rule: string;
    key: { id: string };
    line: number;
  }[];
  const verdict = verdicts.find(({ rule, key }) => rule === 'invalid-recipients' && key.id === who);
  if (verdict === undefined) throw new Error(`no verdict about ${who}: ${replay.stdout}`);
  return readText(logFile).split('\n').slice(verdict.line);
}

/** Tells what the bot's attack came to; `name` says what stood in its way. */
export function tellAttack(name: string, { after, through }: Figures, bot: Bot): void {
  const recipients = (messages: number) =>
    `${messages * RECIPIENTS} recipients (${messages} messages)`;
  tell(
    `${name}: ${recipients(through)} went through after the verdict's line, ` +
      `of ${recipients(after)}; bot: ${Math.round(bot.rate())} messages/s`,
  );
}

/** Prints a figure where the run of the tests shows it, and into the file that POSTERN_FIGURES names. */
export function tell(figure: string): void {
  process.stderr.write(`open session: ${figure}\n`);
  const file = process.env.POSTERN_FIGURES;
  if (file !== undefined) appendFileSync(file, `${figure}\n`);
}
