/** A guard against super-linear work that a busy machine does not upset: processor time, the least of three tries. */

/** Whether `work` once takes less than `bound` ms of processor time. */
export function isQuick(work: () => void, bound: number): boolean {
  for (let attempt = 0; attempt < 3; attempt++) {
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    if ((user + system) / 1000 < bound) return true;
  }
  return false;
}
