import { createHash, type X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { Scope } from '@cutpoint/control';
import { isLoopback } from '@cutpoint/daemon';
import type { FastifyRequest } from 'fastify';
import { Refusal } from './refusal.js';

/** Who asks, and what they may: `admin` is everything. */
export interface Caller {
  /** Stable and not secret: ids of requests are told apart by it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Who may use the API. Where all are left out, nobody may. */
export interface Access {
  /** The scopes of a token; undefined if it is not valid. */
  readonly verifyToken?: (token: string) => Promise<readonly Scope[] | undefined>;
  /**
   * Whom a client certificate stands for; undefined if for nobody. It decides alone: TLS has only proven that the caller
   * holds its key, and checked neither the authority nor the dates, because the clock of a device may be wrong.
   */
  readonly verifyCertificate?: (certificate: X509Certificate) => Promise<Caller | undefined>;
  /** What callers without token and certificate may: those on this machine, or those from anywhere (insecure). */
  readonly anonymous?: { readonly from: 'loopback' | 'anywhere'; readonly scopes: readonly Scope[] };
}

const longestToken = 4096;

/** True if the caller may do what needs the scope. */
export function mayUse(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope) || caller.scopes.includes('admin');
}

/** Who sent the request: undefined if it does not say so in a way that is believed. */
export async function callerOf(access: Access, request: FastifyRequest): Promise<Caller | undefined> {
  const { authorization } = request.headers;
  // Whoever presents a token or certificate means it: a wrong one is not made good by where it comes from. Where no token can
  // be right, one says nothing: clients of OpenAI's API always send one.
  if (authorization !== undefined && access.verifyToken !== undefined)
    return await callerOfToken(access, authorization);
  const certificate = certificateOf(access, request);
  if (certificate !== undefined) return await access.verifyCertificate?.(certificate);
  return anonymousCaller(access, request);
}

async function callerOfToken({ verifyToken }: Access, authorization: string): Promise<Caller | undefined> {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization) ?? [];
  if (verifyToken === undefined || token === undefined || token.length > longestToken) return undefined;
  const granted = await verifyToken(token);
  if (granted === undefined) return undefined;
  return { name: `token ${createHash('sha256').update(token).digest('hex').slice(0, 16)}`, scopes: granted };
}

/** What the caller shows, where it counts for anything. */
function certificateOf({ verifyCertificate }: Access, { raw }: FastifyRequest): X509Certificate | undefined {
  const { socket } = raw;
  if (verifyCertificate === undefined || !(socket instanceof TLSSocket)) return undefined;
  return socket.getPeerX509Certificate();
}

function anonymousCaller({ anonymous }: Access, request: FastifyRequest): Caller | undefined {
  if (anonymous === undefined) return undefined;
  if (anonymous.from === 'anywhere') return { name: `anyone at ${request.ip}`, scopes: anonymous.scopes };
  return comesFromHere(request) ? { name: 'this machine', scopes: anonymous.scopes } : undefined;
}

/**
 * Whether a program on this machine asks for itself: not a proxy for others, nor a browser for a page of somebody's, which
 * tells by `Origin`, or by the name under which it found this address.
 */
function comesFromHere({ headers, ip }: FastifyRequest): boolean {
  if (!isLoopback(ip.replace(/^::ffff:/, ''))) return false;
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined || headers.via !== undefined)
    return false;
  if (headers.origin !== undefined || headers.host === undefined) return false;
  return isLoopback(headers.host.replace(/:\d*$/, ''));
}

/** Why a caller is refused who is not known, and what would help. */
export function unknownCaller({ verifyToken, verifyCertificate, anonymous }: Access): Refusal {
  const ways = [
    ...(verifyToken === undefined ? [] : ['a valid token (Authorization: Bearer ...)']),
    ...(verifyCertificate === undefined ? [] : ['a client certificate of the fleet']),
    ...(anonymous?.from === 'loopback' ? ['a program on the same machine, neither proxy nor web page'] : []),
  ];
  const message = `Who asks is not known: the server wants ${ways.join(', or ') || 'nobody'}.`;
  return new Refusal(401, 'CUT_UNAUTHORISED', message);
}
