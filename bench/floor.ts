/** The floor: reads a file and splits it into lines, and does nothing with them but look at one byte of each. */
import { createReadStream } from 'node:fs';

let lines = 0;
let seen = 0;
let rest = '';
for await (const chunk of createReadStream(process.argv[2] as string, { highWaterMark: 1 << 20 })) {
  const text = rest + (chunk as Buffer).toString('latin1');
  let from = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    const line = text.slice(from, end);
    if (line.charCodeAt(line.length >> 1) === 0x20) seen++;
    lines++;
    from = end + 1;
  }
  rest = text.slice(from);
}
console.log(lines, seen);
