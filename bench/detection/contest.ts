/** Plays all stories through Postern and through what people use instead, on the same logs. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { firstDay } from './acts.ts';
import { crowdsecVersion, playCrowdsec } from './crowdsec.ts';
import { fail2banVersion, playFail2ban } from './fail2ban.ts';
import { writeLog } from './files.ts';
import { replay } from './postern.ts';
import { playRecipe } from './recipe.ts';
import { type Log, render } from './render.ts';
import { type Block, type Score, score } from './score.ts';
import type { Mta, Story } from './story.ts';

export interface Player {
  readonly name: string;
  /** by the story's place in the list; undefined: not installed */
  readonly scores: readonly Score[] | undefined;
}

const MTAS: readonly Mta[] = ['postfix', 'exim'];

/** What each player found. Uses `folder` for the logs; takes a minute. */
export async function contest(stories: readonly Story[], folder: string): Promise<Player[]> {
  const logs = stories.map((story, index) => render(story, firstDay(index)));
  const joined = await joinLogs(logs, folder);
  const peers = [
    peer('fail2ban', fail2banVersion(), logs, (mta) => playFail2ban(joined[mta], mta)),
    peer('CrowdSec', crowdsecVersion(), logs, (mta) => playCrowdsec(folder, joined[mta], mta)),
  ];
  const own = await playPostern(logs, folder);
  const recipe = logs.map((log) => score(log, playRecipe(log)));
  return [{ name: 'Postern', scores: own }, { name: 'LIM per PERIOD', scores: recipe }, ...peers];
}

async function playPostern(logs: readonly Log[], folder: string): Promise<Score[]> {
  const scores: Score[] = [];
  for (const log of logs) {
    const verdicts = await replay(writeLog(folder, log));
    scores.push(
      score(
        log,
        verdicts.filter(({ action }) => action === 'block'),
      ),
    );
  }
  return scores;
}

/** One that reads all stories of a mail server as one log; each block belongs to the story of its day. */
function peer(
  name: string,
  version: string | undefined,
  logs: readonly Log[],
  play: (mta: Mta) => readonly Block[],
): Player {
  if (version === undefined) return { name: `${name} (not installed)`, scores: undefined };
  const blocks = new Map(MTAS.map((mta) => [mta, play(mta)]));
  const scores = logs.map((log, index) => {
    const from = firstDay(index);
    const until = firstDay(index + 1);
    const ofMta = blocks.get(log.story.mta) ?? [];
    return score(
      log,
      ofMta.filter(({ time }) => time >= from && time < until),
    );
  });
  return { name: version, scores };
}

async function joinLogs(logs: readonly Log[], folder: string): Promise<Record<Mta, string>> {
  const paths = { postfix: join(folder, 'all-postfix.log'), exim: join(folder, 'all-exim.log') };
  for (const mta of MTAS) {
    const stream = createWriteStream(paths[mta]);
    for (const { story, files } of logs) {
      if (story.mta === mta) for (const text of files) stream.write(text);
    }
    stream.end();
    await finished(stream);
  }
  return paths;
}
