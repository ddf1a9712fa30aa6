/** A guard against super-linear work that works on a busy machine: processor time, the best of three tries. */

/** Whether one of three runs of `work` takes less than `bound` ms of processor time. */
export function isQuick(work: () => void, bound: number): boolean {
  for (let attempt = 0; attempt < 3; attempt++) {
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    if ((user + system) / 1000 < bound) return true;
  }
  return false;
}
