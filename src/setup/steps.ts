/** What the recipes for both mail servers have in common. Pure. */
import { dirname } from 'node:path';
import type { Config } from '../config/load.ts';

/** Starts the systemd units, or restarts what has only observed so far. */
export function startCommand({ mode }: Pick<Config, 'mode'>, units: string): string {
  return `systemctl ${mode === 'observe' ? 'restart' : 'enable --now'} ${units}`;
}

/** A command that makes a folder which every account may enter, whatever the umask; also the folders above it. */
export function makeFolder(folder: string): string {
  return `install -d -m 0755 ${folder}`;
}

/** The same for what nobody else may see, as the units make it (StateDirectoryMode). `owner`: its uid. */
export function makePrivateFolder(folder: string, owner = 0): string {
  const account = owner === 0 ? '' : `-o ${owner} `;
  return `install -d ${account}-m 0750 ${folder}`;
}

/** The folder in which the policy service makes its socket; undefined when it has none. */
export function socketFolder({ policy }: Config): string | undefined {
  return policy?.listen.kind === 'unix' ? dirname(policy.listen.path) : undefined;
}

/** Text for a file or a shell, set off from the sentences around it. */
export function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}
