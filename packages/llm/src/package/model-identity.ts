import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { PackageManifest } from './package-manifest.js';

/**
 * What tells models apart, and what tables are known by: the checkpoint and how it is run, not the widths of the weights. So both
 * sides of a cut may have packages of other widths, and a table serves all packages of a checkpoint. Numbers count as f32, as GGUF files state them. SHA-256, hex.
 */
export function modelIdentity({ checkpoint, config }: Pick<PackageManifest, 'checkpoint' | 'config'>): string {
  const text = JSON.stringify([checkpoint, config], asFloat32);
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

function asFloat32(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.fround(value) : value;
}
