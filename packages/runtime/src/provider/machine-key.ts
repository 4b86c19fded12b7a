import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, machine, platform, release } from 'node:os';
import { join } from 'node:path';
import { inferenceRuntime } from '../segment/inference-runtime.js';

/** What decides which drivers are found. */
const driverVariables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES'] as const;

/**
 * What measurements of providers hold for: processor, graphics adapters and their drivers as far as the system names them, and the
 * libraries that compute. Nothing is opened for it: opening a GPU takes longer than remembering is worth.
 */
export async function machineKey(): Promise<unknown> {
  return {
    system: [platform(), release(), machine(), cpus()[0]?.model, cpus().length],
    adapters: await graphicsAdapters(),
    drivers: driverVariables.map((name) => process.env[name] ?? ''),
    runtime: [inferenceRuntime.name, inferenceRuntime.version],
    webgpu: versionOfWebgpu(),
  };
}

/** Linux names them; elsewhere they change with the machine or its system. */
async function graphicsAdapters(): Promise<readonly string[]> {
  const folder = '/sys/class/drm';
  const cards = (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name)).sort();
  const ids = cards.flatMap((card) => ['vendor', 'device'].map((name) => join(folder, card, 'device', name)));
  const files = [...ids, '/sys/module/nvidia/version'];
  return await Promise.all(files.map((path) => readFile(path, 'utf8').then(trimmed, () => '')));
}

const trimmed = (text: string): string => text.trim();

/** Our own kernels run through it, where it is installed. */
function versionOfWebgpu(): string {
  try {
    const manifest: { version?: string } = createRequire(import.meta.url)('webgpu/package.json');
    return manifest.version ?? '';
  } catch {
    return 'not installed';
  }
}
