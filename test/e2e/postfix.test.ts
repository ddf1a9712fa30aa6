/** The whole way on a real Postfix, see pipeline.ts. */
import { describe } from 'vitest';
import { hasPostfix } from '../support/postfix.ts';
import { testPipeline } from './pipeline.ts';
import { startPostfixRig } from './rig-postfix.ts';

describe.runIf(hasPostfix())('Postfix', () => {
  testPipeline(startPostfixRig);
});
