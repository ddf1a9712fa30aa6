/** The page for operators over a database of many events and blocks: wall time of each page, as a browser asks for them. */
import { execFileSync, spawn } from 'node:child_process';
import { freePorts } from '../test/support/server.ts';
import { PROGRAM } from './contestants.ts';
import { median, sleep } from './measure.ts';
import type { Service } from './service.ts';

const ROUNDS = 5;
const PASSWORD = 'a password of the benchmark';

/** The lines of the configuration that `measurePages` needs. */
export function webLines(port: number): string {
  return `web: { listen: 'inet:127.0.0.1:${port}', users: web.users }\n`;
}

export async function findPort(): Promise<number> {
  return (await freePorts(1))[0] as number;
}

/** Starts the page at the port of `webLines`, asks for every page, and prints a table. */
export async function measurePages(
  service: Service,
  port: number,
  submitter: string,
): Promise<void> {
  const config = ['--config', service.config];
  execFileSync(PROGRAM, ['web', 'password', 'ann', '--role', 'view', ...config], {
    input: `${PASSWORD}\n`,
  });
  const child = spawn(PROGRAM, ['web', ...config], { stdio: 'ignore' });
  try {
    const cookie = await logIn(`http://127.0.0.1:${port}`);
    console.log('\n| page | wall s, median of 5 | longest |\n|---|---:|---:|');
    for (const path of listPaths(submitter)) {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++)
        times.push(await take(`http://127.0.0.1:${port}${path}`, cookie));
      console.log(
        `| \`${path}\` | ${median(times).toFixed(2)} | ${Math.max(...times).toFixed(2)} |`,
      );
    }
  } finally {
    child.kill();
  }
}

/** Whole pages, then the parts that these load later. */
function listPaths(submitter: string): string[] {
  const id = encodeURIComponent(submitter);
  return [
    ...['/', '/blocks', '/blocks?q=user99999&sort=who', '/blocks?state=all&sort=cause'],
    ...[`/story?id=${id}`, '/events', `/events?of=${id}&since=7d`],
    ...['/report', '/rules', '/milter', '/listings', '/audit', '/actions'],
    ...['/now/part', '/now/minutes', `/story/chart?id=${id}`, `/story/queue?id=${id}`],
    ...['/report/page?since=24h', '/rules/near', '/rules/tuning'],
  ];
}

async function logIn(origin: string): Promise<string> {
  const body = new URLSearchParams({ name: 'ann', password: PASSWORD, next: '/' });
  for (let tries = 0; ; tries++) {
    try {
      const answer = await fetch(`${origin}/login`, {
        ...{ method: 'POST', body, redirect: 'manual', headers: { origin } },
      });
      const [cookie] = answer.headers.getSetCookie();
      if (answer.status === 303 && cookie !== undefined) return cookie.split(';')[0] as string;
      throw new Error(`login: ${answer.status} ${await answer.text()}`);
    } catch (error) {
      if (tries > 100 || !(error instanceof TypeError)) throw error;
      await sleep(100);
    }
  }
}

/** Seconds until the whole answer is there. */
async function take(url: string, cookie: string): Promise<number> {
  const began = performance.now();
  const answer = await fetch(url, { headers: { cookie } });
  await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return (performance.now() - began) / 1000;
}
