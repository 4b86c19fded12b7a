import { readFile, stat } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';

const minTokenLength = 16;
const maxSecretBytes = 1_000_000;

/**
 * Reads a token: the file's text without surrounding white space, at least 16 characters.
 * @throws CutpointError CUT_USAGE if every user of the machine can read the file or the token is too short,
 * CUT_FILE_NOT_FOUND if it cannot be read.
 */
export async function readTokenFile(path: string): Promise<string> {
  const token = (await readPrivateFile(path, 'token file')).trim();
  if (token.length >= minTokenLength) return token;
  const message = `The token in ${path} is too short: use at least ${minTokenLength} characters, for example from \`openssl rand -hex 32\`.`;
  throw new CutpointError('CUT_USAGE', message);
}

/** Reads a private key. Throws like `readTokenFile`. */
export function readKeyFile(path: string): Promise<string> {
  return readPrivateFile(path, 'private key');
}

/** Reads a PEM file with certificates. @throws CutpointError CUT_FILE_NOT_FOUND if it cannot be read. */
export function readCertificateFile(path: string): Promise<string> {
  return readText(path, 'certificate');
}

/**
 * Reads a PEM file with the authority that the other side is known by.
 * @throws CutpointError CUT_USAGE if a private key is in it, CUT_FILE_NOT_FOUND if it cannot be read.
 */
export async function readAuthorityFile(path: string): Promise<string> {
  const text = await readText(path, 'certificate');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return text;
  const message = `${path} holds a private key, which only its owner needs: give a file with the authority's certificate alone, such as the ca.pem in a state folder.`;
  throw new CutpointError('CUT_USAGE', message);
}

async function readPrivateFile(path: string, what: string): Promise<string> {
  const text = await readText(path, what);
  // Windows has no such mode bits.
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o007) !== 0) {
    throw new CutpointError('CUT_USAGE', `Every user can reach the ${what} ${path}: run chmod 600 ${path}.`);
  }
  return text;
}

async function readText(path: string, what: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size <= maxSecretBytes) return await readFile(path, 'utf8');
  } catch (thrown) {
    const message = `The ${what} ${path} cannot be read: ${systemReason(thrown)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause: thrown });
  }
  throw new CutpointError('CUT_USAGE', `The ${what} ${path} has more than ${maxSecretBytes} bytes.`);
}
