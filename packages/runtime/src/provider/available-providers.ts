import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import type { CancelSignal } from '@cutpoint/core';
import { listProviders } from '../segment/list-providers.js';

/** Providers that are looked for, beside the CPU. */
const wanted: readonly string[] = ['webgpu', 'cuda'];

const library = { win32: 'onnxruntime_providers_cuda.dll', linux: 'libonnxruntime_providers_cuda.so' } as const;

/**
 * Providers that may compute here beside the CPU: those that are in the runtime's package, and cuda where its library was installed. Whether
 * they find a device shows when they are tried.
 */
export async function availableProviders(signal?: CancelSignal): Promise<readonly string[]> {
  const known = await listProviders(signal);
  const there = known.filter(({ name, bundled }) => bundled || (name === 'cuda' && isCudaInstalled()));
  return there.map(({ name }) => name).filter((name) => wanted.includes(name));
}

function isCudaInstalled(): boolean {
  const system = platform();
  if (system !== 'linux' && system !== 'win32') return false;
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return existsSync(join(folder, 'bin', 'napi-v6', system, arch(), library[system]));
}
