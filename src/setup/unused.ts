/** Whether the mail server looks into the files of blocks, as its configuration says. */
import type { Config } from '../config/load.ts';
import { SETUP_MTAS } from './mtas.ts';

/** Why what stands in this file has no effect, as the end of a sentence; undefined if it has one, or nobody can say. */
export async function findUnused(config: Config, file: string): Promise<string | undefined> {
  return await SETUP_MTAS[config.mta].findUnused(config, file);
}
