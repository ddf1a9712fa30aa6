/** Whether the hooks can be told: the program can be run, the secret is private, the server answers. Tells them nothing. */
import { constants } from 'node:fs';
import { getMessage } from '../base/errors.ts';
import type { HookConfig } from '../config/hooks.ts';
import type { Config } from '../config/load.ts';
import { connectFailure } from '../notify/reach.ts';
import { readSecrets } from '../notify/webhook.ts';
import { denied, nameOf } from './access.ts';
import type { Asker } from './asker.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { isExecutable } from './programs.ts';

/** ms */
const REACH_TIMEOUT = 3000;

/** `asker`: the account of the service, if that is not this process. */
export async function checkHooks({ hooks }: Config, asker: Asker | undefined): Promise<Finding[]> {
  const findings = hooks.map(async (hook) => {
    const mistake = findHookMistake(hook, asker);
    if (mistake !== undefined) return wrong('hooks', mistake.text, mistake.fix);
    return await checkReceiver(hook);
  });
  return await Promise.all(findings);
}

/** What keeps a hook from ever being told; undefined if nothing does. */
export function findHookMistake(
  { name, route }: HookConfig,
  asker: Asker | undefined,
): { readonly text: string; readonly fix: string } | undefined {
  const say = (text: string, fix: string) => ({ text: `hook ${name}: ${text}`, fix });
  if (route.kind === 'command') {
    const [program = ''] = route.argv;
    if (isExecutable(program) && denied(program, constants.X_OK, asker) === undefined)
      return undefined;
    return say(
      `${program} is not a program that ${nameOf(asker)} can run`,
      `chmod 755 ${program}, or name another program; until then its events wait`,
    );
  }
  const { secretFile } = route;
  if (secretFile === undefined) return undefined;
  const reason = denied(secretFile, constants.R_OK, asker);
  const fix = `let ${nameOf(asker)} read it, and nobody else: openssl rand -hex 32 makes one`;
  if (reason !== undefined) return say(`secretFile: ${secretFile} ${reason}`, fix);
  try {
    readSecrets(secretFile);
    return undefined;
  } catch (error) {
    return say(`secretFile: ${getMessage(error)}`, fix);
  }
}

/** Only a warning: a receiver that is away for a while is told later. */
async function checkReceiver({ name, route, events }: HookConfig): Promise<Finding> {
  const about = events.join(', ');
  if (route.kind === 'command')
    return ok('hooks', `hook ${name}: ${route.argv[0]} is told of ${about}`);
  const { protocol, hostname, port } = new URL(route.url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const server = { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
  const failure = await connectFailure(server, REACH_TIMEOUT);
  const place = `${host}:${server.port}`;
  if (failure === undefined) return ok('hooks', `hook ${name}: ${place} is told of ${about}`);
  const text = `hook ${name}: ${place} does not answer (${failure})`;
  return warning('hooks', text, 'start that server, or correct the url; until then events wait');
}
