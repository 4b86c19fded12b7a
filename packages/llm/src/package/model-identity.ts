import { createHash } from 'node:crypto';
import type { PackageManifest } from './package-manifest.js';

/**
 * What tells models apart, and what tables are known by: name and architecture, not the widths of the weights. So both sides
 * of a cut may have packages of other widths, and a table serves all packages of a checkpoint. SHA-256, hex.
 */
export function modelIdentity({ name, config }: Pick<PackageManifest, 'name' | 'config'>): string {
  return createHash('sha256')
    .update(JSON.stringify([name, config]))
    .digest('hex');
}
