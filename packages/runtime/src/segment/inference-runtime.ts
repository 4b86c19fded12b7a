import { createRequire } from 'node:module';

const manifest: { name: string; version: string } = createRequire(import.meta.url)('onnxruntime-node/package.json');

/** The library that computes segments, and its version: what was measured with one need not hold for another. */
export const inferenceRuntime = { name: manifest.name, version: manifest.version } as const;
