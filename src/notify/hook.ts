/**
 * Hooks: other programs that are told what happens, by HTTP or by running a command. What a hook is told waits in the
 * outbox as mails do; one that does not take it is tried again.
 */
import type { Notifier } from './mail.ts';

/** How a hook is reached. `secretFile` is read at every attempt. */
export type HookRoute =
  | { readonly kind: 'webhook'; readonly url: string; readonly secretFile?: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

/** Takes what to tell in the form of a mail: `text` is the event as JSON, `messageId` its number. */
export async function buildHook(route: HookRoute, timeout: number): Promise<Notifier> {
  if (route.kind === 'command') {
    const { commandHook } = await import('./command-hook.ts');
    return commandHook(route.argv, timeout);
  }
  const { webhook } = await import('./webhook.ts');
  return webhook(route, timeout);
}
