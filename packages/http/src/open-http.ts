import { createHash, timingSafeEqual } from 'node:crypto';
import type { Scope } from '@cutpoint/control';
import {
  allowInsecure,
  isLoopback,
  readCertificateFile,
  readHostPort,
  readKeyFile,
  readTokenFile,
} from '@cutpoint/daemon';
import type { Access } from './access.js';
import { type HttpOptions, type HttpServer, type HttpTls, startHttp } from './http-server.js';
import { type PageOptions, startWithPage } from './page/start-with-page.js';

const callersMay: readonly Scope[] = ['infer', 'read'];
/** Who can reach the folder of a fleet, or a broker that asks for no names, rules it anyway. */
const ownersMay: readonly Scope[] = ['admin'];

/** How the API of a fleet is guarded, instead of by files. */
export interface HttpGuard extends Required<Pick<Access, 'verifyToken' | 'verifyCertificate'>> {
  /** Undefined where the address is plain. */
  readonly tls: HttpTls | undefined;
  readonly intercept: NonNullable<HttpOptions['intercept']>;
}

/** The settings of a daemon that guard its addresses. */
export interface HttpSettings {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly insecure: boolean;
  readonly timeoutMs: number;
  readonly graceMs: number;
}

export interface OpenHttpOptions
  extends Omit<HttpOptions, 'host' | 'port' | 'tls' | 'access' | 'intercept' | 'graceMs'> {
  readonly guard?: HttpGuard;
  /** A page for browsers, and what it may ask over its socket. */
  readonly page?: PageOptions;
  /** Whether programs of this machine may do everything where no token is set, instead of asking and reading. */
  readonly owners?: boolean;
}

/**
 * Opens a door on the address of the setting `http`, guarded like the daemon's own address: by TLS where it has a
 * certificate, by the token where there is one. Loopback needs neither.
 * @throws CutpointError CUT_USAGE, CUT_INSECURE_BIND, CUT_FILE_NOT_FOUND, CUT_BIND.
 */
export async function openHttp(
  address: string,
  settings: HttpSettings,
  { guard, page, owners = false, ...served }: OpenHttpOptions,
): Promise<HttpServer> {
  const { host, port } = readHostPort('--http', address);
  const { log } = served;
  const { tokenFile, insecure, timeoutMs, graceMs } = settings;
  const tls = guard === undefined ? await tlsOfFiles(settings) : guard.tls;
  const token = tokenFile === undefined ? undefined : await readTokenFile(tokenFile);
  const here = isLoopback(host);
  if (!here && (tls === undefined || (token === undefined && guard === undefined)))
    allowInsecure(insecure, `http://${address}`, log);
  if (token === undefined && here)
    log.info({ address }, 'any program on this machine may use the HTTP API: no token is set');
  const open = token === undefined ? openAccess(here, owners ? ownersMay : callersMay) : tokenAccess(token);
  const access = guard === undefined ? open : guardedAccess(guard, token);
  const start = { host, port, ...(tls && { tls }), access, ...(guard && { intercept: guard.intercept }) };
  const options = { ...start, ...served, limits: { ...served.limits, timeoutMs }, graceMs };
  return page === undefined ? await startHttp(options) : await startWithPage(options, page);
}

async function tlsOfFiles({ tlsCert, tlsKey }: HttpSettings): Promise<HttpTls | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: await readCertificateFile(tlsCert), key: await readKeyFile(tlsKey) };
}

/** Tokens and certificates of the fleet, the token of the settings, and, where that is not set, programs of this machine. */
function guardedAccess({ verifyToken, verifyCertificate }: HttpGuard, token: string | undefined): Access {
  if (token === undefined) {
    return { verifyToken, verifyCertificate, anonymous: { from: 'loopback', scopes: ownersMay } };
  }
  const { verifyToken: verifySet } = tokenAccess(token);
  const either = async (given: string) => (await verifySet?.(given)) ?? (await verifyToken(given));
  return { verifyToken: either, verifyCertificate };
}

/** What may be changed, only this machine may change. */
function openAccess(here: boolean, scopes: readonly Scope[]): Access {
  return { anonymous: here ? { from: 'loopback', scopes } : { from: 'anywhere', scopes: callersMay } };
}

function tokenAccess(token: string): Access {
  const expected = sha256(token);
  return { verifyToken: async (given) => (timingSafeEqual(sha256(given), expected) ? callersMay : undefined) };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
