/** Why a hook did not take an event. */
import type { Fault } from './drain.ts';

/** A hook did not take an event. `fault`: this event (`mail`), or the hook as a whole (`hop`). */
export class HookFailure extends Error {
  readonly fault: Fault;

  constructor(message: string, fault: Fault) {
    super(message);
    this.name = 'HookFailure';
    this.fault = fault;
  }
}
