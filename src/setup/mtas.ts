/** The mail servers that `postern init` and `postern check` know. */
import type { Mta } from '../model/event.ts';
import { exim } from './exim/mail-server.ts';
import type { MailServer } from './mail-server.ts';
import { postfix } from './postfix/mail-server.ts';

export const SETUP_MTAS: Readonly<Record<Mta, MailServer>> = { postfix, exim };
