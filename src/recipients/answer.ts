/** From a verdict to what the client is told, as data for the milter. Pure. */
import type { RecipientOptions } from './options.ts';
import type { Verdict } from './verdict.ts';

/** `undefined` where it is used: the recipient is accepted. */
export interface Refusal {
  readonly code: 421 | 450 | 550;
  /** RFC 3463 */
  readonly status: string;
  /** one line of ASCII without the codes; nothing that the back end said */
  readonly text: string;
}

type AnswerOptions = Pick<RecipientOptions, 'mode' | 'whenUnknown' | 'texts'>;

/**
 * What to answer to RCPT; undefined accepts. In observe mode everything is accepted. RFC 3463 3.2: 5.1.1 is "bad
 * destination mailbox address"; 3.5: 4.4.3 is "directory server failure".
 */
export function chooseAnswer(verdict: Verdict, options: AnswerOptions): Refusal | undefined {
  if (options.mode === 'observe') return undefined;
  if (verdict.kind === 'invalid')
    return { code: 550, status: '5.1.1', text: options.texts.invalid };
  if (verdict.kind !== 'unknown' || verdict.isBackup || options.whenUnknown === 'accept')
    return undefined;
  return { code: 450, status: '4.4.3', text: options.texts.unknown };
}

/** What a client is told that has tried too many invalid recipients; after 421 the MTA ends its session. */
export function refuseAttack({ attack, texts }: Pick<RecipientOptions, 'attack' | 'texts'>) {
  const text = texts.attack;
  return attack.reply === 421
    ? ({ code: 421, status: '4.7.0', text } satisfies Refusal)
    : ({ code: 550, status: '5.7.1', text } satisfies Refusal);
}

export const DEFAULT_TEXTS = {
  invalid: 'User unknown',
  unknown: 'Recipient cannot be verified now, please try again later',
  attack: 'Too many unknown recipients',
} as const;
