/** How many descriptors this process may have open. */
import { readFileSync } from 'node:fs';

/** If the system does not say. */
const DEFAULT_DESCRIPTORS = 1024;

/** The soft limit: proc(5), /proc/PID/limits. */
export function readDescriptorLimit(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return Number(soft?.[1] ?? DEFAULT_DESCRIPTORS);
  } catch {
    return DEFAULT_DESCRIPTORS;
  }
}
