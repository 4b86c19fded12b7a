import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePublicFile } from './private-file.js';

/**
 * Keeps the certificate of a fleet's authority as `ca.pem` in a folder, without any key: for other programs such as curl,
 * and to be copied to where others ask. @throws CutpointError CUT_FILE_WRITE
 */
export function keepAuthorityCertificate(folder: string, certificate: string): void {
  const path = join(folder, 'ca.pem');
  const text = `${certificate.trimEnd()}\n`;
  if (textOf(path) !== text) writePublicFile(path, text);
}

/** Undefined for what is not there or cannot be read: it is written anew then. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
