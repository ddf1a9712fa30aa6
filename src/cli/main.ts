/**
 * Where the program starts. A Node.js that is too old gets one line and status 2 before anything else is loaded: SQLite's
 * binding crashes Node 20 without a message. So this file imports nothing but modules of Node before it has looked.
 */
import { keepCompiled } from './compiled.ts';
import { isOldNode } from './node-version.ts';

if (isOldNode(process.versions.node)) {
  process.stderr.write(
    `postern: needs Node.js 22.18 or newer, this is ${process.version}; docs/install.md says how to get Node.js 24\n`,
  );
  process.exitCode = 2;
} else {
  keepCompiled(import.meta.dirname);
  start();
}

async function start(): Promise<never> {
  const [{ main }, { escaped, processIo }] = await Promise.all([
    import('./commands.ts'),
    import('./io.ts'),
  ]);
  process.exit(await main(process.argv.slice(2), escaped(processIo)));
}
