/** Which Node.js the program runs on. Has no imports, so that the oldest Node.js can load it. */

const OLDEST = [22, 18] as const;

/** Whether a version such as `20.19.2` is older than 22.18, the first that the dependencies and the build allow. */
export function isOldNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}
