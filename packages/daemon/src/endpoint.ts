import { CutpointError } from '@cutpoint/core';
import type { ServerTls } from '@cutpoint/wire';
import { addressHelp, isAddress } from './address.js';
import type { EndpointSettings } from './endpoint-settings.js';
import type { Log } from './log.js';
import { isLoopback } from './loopback.js';
import { readCertificateFile, readKeyFile, readTokenFile } from './secrets.js';

/** A checked address with what guards it. */
export interface Endpoint {
  readonly url: string;
  readonly tls?: ServerTls;
  readonly token?: string;
}

/**
 * Checks the address a daemon shall listen on and reads its certificate and token. Loopback needs neither; any other
 * address needs TLS and a token, or `insecure`, which is logged as a warning.
 * @param paired in a fleet, whose certificates guard what is encrypted: no files, no token
 * @throws CutpointError CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_NOT_FOUND.
 */
export async function openEndpoint(settings: EndpointSettings, log: Log, paired = false): Promise<Endpoint> {
  const { listen, tlsCert, tlsKey, tokenFile, insecure } = settings;
  const { hostname } = parseListenUrl(listen);
  const encrypted = isEncrypted(listen);
  if (paired && encrypted) {
    if (tlsCert === undefined && tlsKey === undefined && tokenFile === undefined) return { url: listen };
    const message = `${listen} is guarded by the certificates of the fleet: leave --tls-cert, --tls-key and --token-file out.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  checkTlsFiles(encrypted, listen, tlsCert, tlsKey);
  if (!isLoopback(hostname) && !(encrypted && tokenFile !== undefined)) allowInsecure(insecure, listen, log);
  return {
    url: listen,
    ...(tlsCert !== undefined && tlsKey !== undefined
      ? { tls: { cert: await readCertificateFile(tlsCert), key: await readKeyFile(tlsKey) } }
      : {}),
    ...(tokenFile === undefined ? {} : { token: await readTokenFile(tokenFile) }),
  };
}

/** True if the address of a wire is encrypted. */
export function isEncrypted(url: string): boolean {
  return url.startsWith('tcps://') || url.startsWith('wss://');
}

/** Refuses an address beyond loopback that nothing guards, or warns where it is wanted. */
export function allowInsecure(insecure: boolean, address: string, log: Log): void {
  if (!insecure) {
    const message = `${address} can be reached from other machines. Use tcps:// or wss:// with --tls-cert, --tls-key and --token-file, listen on 127.0.0.1, or accept the risk with --insecure.`;
    throw new CutpointError('CUT_INSECURE_BIND', message);
  }
  log.warn({ address }, 'insecure: anyone who can reach this address can use the model and read what is sent');
}

function parseListenUrl(text: string): URL {
  if (isAddress(text)) return new URL(text);
  throw new CutpointError('CUT_USAGE', `--listen is "${text}", but must be ${addressHelp}.`);
}

function checkTlsFiles(encrypted: boolean, listen: string, cert: string | undefined, key: string | undefined): void {
  if (encrypted && (cert === undefined || key === undefined)) {
    throw new CutpointError('CUT_USAGE', `${listen} needs a certificate: give --tls-cert and --tls-key.`);
  }
  if (!encrypted && (cert !== undefined || key !== undefined)) {
    throw new CutpointError('CUT_USAGE', `${listen} is not encrypted: use tcps:// or wss://, or leave --tls-cert out.`);
  }
}
