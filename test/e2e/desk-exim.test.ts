/** The operator's desk beside a real Exim, see desk.ts. */
import { describe } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { hasExim } from '../support/exim.ts';
import { testDesk } from './desk.ts';
import { startEximRig } from './rig-exim.ts';

describe.runIf(hasExim() && hasChromium())('the desk beside Exim', { timeout: 60_000 }, () => {
  // What is released by hand must not have left before.
  testDesk((sinkPort) => startEximRig(sinkPort, '1h'));
});
