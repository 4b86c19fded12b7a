import { z } from 'zod';
import type { ServerAddress } from './connect-stage.js';
import type { Log } from './log.js';
import { isLoopback } from './loopback.js';
import { readAuthorityFile, readTokenFile } from './secrets.js';

/** How a daemon reaches the next device of its chain. */
export const reachSettings = {
  connectTimeoutMs: z.int().min(1).max(600_000).default(5_000).describe('how long connecting may take, in ms'),
  maxBackoffMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(2_000)
    .describe('longest pause between two attempts to reach a server that vanished, in ms'),
};

interface AddressSettings {
  readonly url: string;
  readonly ca: string | undefined;
  readonly tokenFile: string | undefined;
  readonly connectTimeoutMs: number;
}

/** Reads the files of an address. @throws CutpointError CUT_FILE_NOT_FOUND, CUT_TLS, CUT_USAGE */
export async function serverAddressOf(
  { url, ca, tokenFile, connectTimeoutMs }: AddressSettings,
  log: Log,
): Promise<ServerAddress> {
  if (tokenFile !== undefined && !isProtected(url)) {
    log.warn({ server: url }, 'insecure: the token travels to the server unencrypted; use wss:// or tcps://');
  }
  return {
    url,
    connectTimeoutMs,
    ...(ca === undefined ? {} : { ca: await readAuthorityFile(ca) }),
    ...(tokenFile === undefined ? {} : { token: await readTokenFile(tokenFile) }),
  };
}

function isProtected(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url === undefined || url.protocol === 'wss:' || url.protocol === 'tcps:' || isLoopback(url.hostname);
}
