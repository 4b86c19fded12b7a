import { createHash } from 'node:crypto';
import type { PackageManifest } from './package-manifest.js';

/**
 * What tells models apart, and what tables are known by: the checkpoint and how it is run, not the widths of the weights. So both
 * sides of a cut may have packages of other widths, and a table serves all packages of a checkpoint. SHA-256, hex.
 */
export function modelIdentity({ checkpoint, config }: Pick<PackageManifest, 'checkpoint' | 'config'>): string {
  return createHash('sha256')
    .update(JSON.stringify([checkpoint, config]))
    .digest('hex');
}
