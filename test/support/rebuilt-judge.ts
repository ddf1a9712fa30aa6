/** The judge after a restart, at once: rebuildJudge gives others their turn in between. */
import { rebuildJudge } from '../../src/daemon/history.ts';
import type { Judge } from '../../src/judge/judge.ts';

export function rebuildAtOnce(...options: Parameters<typeof rebuildJudge>): Judge {
  const work = rebuildJudge(...options);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
