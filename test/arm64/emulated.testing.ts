import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Program } from '../processes.testing.js';

const script = fileURLToPath(new URL('../../scripts/arm64.mjs', import.meta.url));
/** Downloads, once. */
const prepareMs = 600_000;

/** A Node for arm64 on an emulated Raspberry Pi 4, as a program to start; or why there is none here. */
export type Emulated =
  | { readonly node: Program; readonly env: Readonly<Record<string, string>> }
  | { readonly missing: string };

/** Gets the emulated Node ready. Says on stderr why it cannot, as tests are skipped then. */
export function emulatedNode(): Emulated {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: prepareMs });
  if (status !== 0) {
    process.stderr.write(`Nothing is compared with arm64: ${stderr}`);
    return { missing: stderr.trim() };
  }
  const { emulator, root, node } = JSON.parse(stdout) as { emulator: string; root: string; node: string };
  return { node: [emulator, '-L', root, node], env: { QEMU_CPU: 'cortex-a72' } };
}
