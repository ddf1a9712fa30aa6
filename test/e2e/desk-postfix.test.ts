/** The operator's desk beside a real Postfix, see desk.ts. */
import { describe } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { hasPostfix } from '../support/postfix.ts';
import { testDesk } from './desk.ts';
import { startPostfixRig } from './rig-postfix.ts';

describe.runIf(hasPostfix() && hasChromium())(
  'the desk beside Postfix',
  { timeout: 60_000 },
  () => {
    testDesk(startPostfixRig);
  },
);
