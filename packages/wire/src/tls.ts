import type { X509Certificate } from 'node:crypto';
import net from 'node:net';
import { type SecureContextOptions, TLSSocket, type TlsOptions } from 'node:tls';
import { CutpointError } from '@cutpoint/core';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Who a certificate says the other side is. */
export interface PeerIdentity {
  readonly fleet: string;
  readonly device: string;
  readonly role: string;
  /** Of the certificate, in uppercase hexadecimal. */
  readonly serial: string;
}

/** What the other side showed in the TLS handshake. That it holds the key of `certificate` is proven. */
export interface ShownCertificate {
  /** Absent if it showed none. */
  readonly certificate: X509Certificate | undefined;
  /** The host this side meant to reach; absent where it listens. */
  readonly host: string | undefined;
}

/**
 * Judges the other side, before a byte that it sent is used. It decides alone: neither the authority, nor the dates, nor
 * the host have been checked, because the clock of a device may be wrong and the check may know better.
 * @throws CutpointError to refuse
 */
export type PeerCheck = (shown: ShownCertificate) => PeerIdentity;

interface CommonTls {
  /** Authorities to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** Default TLSv1.2; TLSv1.3 where both sides are ours. */
  readonly minVersion?: TlsVersion | undefined;
  readonly check?: PeerCheck | undefined;
}

/** TLS of a side that connects. With `check`, that decides instead of `ca` and the host name. */
export interface ClientTls extends CommonTls {
  /** Certificate chain and key to show, PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** TLS of a side that listens. */
export interface ServerTls extends CommonTls {
  /** Certificate chain and key, PEM. */
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate: one that `check` accepts, or without it one of the authority `ca`. */
  readonly requireClient?: boolean | undefined;
}

/** Both versions where nothing else is asked for: clients and servers of others may not know 1.3. */
const oldest: TlsVersion = 'TLSv1.2';

/** The options of Node for a side that connects. */
export function clientOptions(tls: ClientTls = {}): SecureContextOptions & { rejectUnauthorized: boolean } {
  const { ca, cert, key, minVersion = oldest, check } = tls;
  return {
    minVersion,
    // With a check, the certificate is judged in `identify`.
    rejectUnauthorized: check === undefined,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

/** The options of Node for a side that listens. @throws CutpointError CUT_USAGE if clients could not be judged */
export function serverOptions(tls: ServerTls, handshakeTimeoutMs: number): TlsOptions {
  const { ca, cert, key, minVersion = oldest, check, requireClient = false } = tls;
  if (requireClient && check === undefined && ca === undefined) {
    throw new CutpointError('CUT_USAGE', 'Clients shall show a certificate, but no authority of theirs is given.');
  }
  return {
    cert,
    key,
    minVersion,
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: requireClient || check !== undefined,
    rejectUnauthorized: requireClient && check === undefined,
    ...(ca === undefined ? {} : { ca }),
  };
}

/**
 * Who is at the other end of a socket; nobody where nothing checks.
 * @throws CutpointError what the check throws; CUT_TLS if the socket is not encrypted
 */
export function identify(
  socket: net.Socket,
  {
    check,
    requireClient = true,
  }: { readonly check?: PeerCheck | undefined; readonly requireClient?: boolean | undefined },
  host?: string,
): PeerIdentity | undefined {
  if (check === undefined) return undefined;
  if (!(socket instanceof TLSSocket)) throw new CutpointError('CUT_TLS', 'The connection is not encrypted.');
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined && !requireClient) return undefined;
  return check({ certificate, host });
}

/** The name to ask the server for; TLS knows no names that are addresses. */
export function serverName(host: string): { servername?: string } {
  return net.isIP(host) === 0 ? { servername: host } : {};
}
