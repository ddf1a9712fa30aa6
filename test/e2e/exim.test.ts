/** The whole way on a real Exim, see pipeline.ts. */
import { describe } from 'vitest';
import { hasExim } from '../support/exim.ts';
import { testPipeline } from './pipeline.ts';
import { startEximRig } from './rig-exim.ts';

describe.runIf(hasExim())('Exim', () => {
  testPipeline(startEximRig);
});
