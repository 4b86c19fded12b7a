import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../scripts/pack.mjs', import.meta.url));
const command = fileURLToPath(new URL('../packages/cli/package.json', import.meta.url));

/** What `npm run pack` made. */
export interface Packed {
  readonly archive: string;
  /** What is in the archive, as it was laid out. */
  readonly folder: string;
}

/** Packs an agent for a platform into a folder. The repository must be built. */
export async function packAgent(platform: string, out: string): Promise<Packed> {
  await promisify(execFile)(process.execPath, [script, '--platform', platform, '--out', out]);
  const { version } = JSON.parse(await readFile(command, 'utf8')) as { version: string };
  const folder = join(out, `cutpoint-agent-${version}-${platform}`);
  return { archive: `${folder}.tar.gz`, folder };
}
