import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runtimeVersion } from './load-runtime.js';

const readPackage = async (path: string) => JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8'));

describe('runtimeVersion', () => {
  it('is the version of onnxruntime-web that the packages ask for', async () => {
    expect((await readPackage('../../package.json')).peerDependencies['onnxruntime-web']).toBe(runtimeVersion);
    expect((await readPackage('../../../../package.json')).devDependencies['onnxruntime-web']).toBe(runtimeVersion);
  });
});
