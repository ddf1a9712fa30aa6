/** A story's log on disk, with the configuration that it needs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from './render.ts';

export interface Written {
  /** the log files, the oldest first */
  readonly files: readonly string[];
  /** the configuration, when the story has settings */
  readonly config?: string;
}

/** Writes the log of a story into the folder. */
export function writeLog(folder: string, { story, files }: Log): Written {
  const paths = files.map((text, index) => {
    const path = join(folder, `${story.title}.${files.length - index - 1}.log`);
    writeFileSync(path, text);
    return path;
  });
  if (story.settings === undefined) return { files: paths };
  const config = join(folder, `${story.title}.yaml`);
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ mta: story.mta, ...story.settings }));
  return { files: paths, config };
}
