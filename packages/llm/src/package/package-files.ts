import type { PackageFile, PackageManifest } from './package-manifest.js';

/** Every file of a package but its manifest. */
export function filesOf({ embedding, layers, head, tokenizer }: PackageManifest): readonly PackageFile[] {
  return [embedding, ...layers, head, ...tokenizer].map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
}

/** Bytes of all files of weights. */
export function packageWeightBytes({ embedding, layers, head }: PackageManifest): number {
  return [embedding, ...layers, head].reduce((sum, { bytes }) => sum + bytes, 0);
}
