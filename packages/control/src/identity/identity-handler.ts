import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { networkOf } from '../network-of.js';
import { Shares } from '../shares.js';
import { lifetimeMs } from './authority.js';
import type { Identities } from './identities.js';
import { keyHash } from './keys.js';
import type { FleetIdentity } from './names.js';
import type { PairingDesk } from './pairing-desk.js';
import { maxPairingBytes, type PairingRequest, pairingRequest } from './pairing-messages.js';

/** Where devices pair, renew and ask. */
export const identityPaths = { pair: '/v1/pair', renew: '/v1/identity/renew', advice: '/v1/identity' } as const;

export const renewalRequest = z.strictObject({ request: z.string().max(4096) });
const bodyDeadlineMs = 5_000;
/** Messages of strangers of one network that are being read at a time. */
const maxReadEach = 8;
/** Devices that are let in at a time. */
const maxPairing = 16;
/** Renewals of one device at a time. */
const maxRenewalsEach = 4;

/** Answers a request if its path is one of `identityPaths`; false if it is not, and nothing was done. */
export type IdentityHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Pairing, renewal and advice over HTTPS. The listener has to ask for certificates without insisting on them (Node:
 * `requestCert: true, rejectUnauthorized: false`), as a device that pairs has none.
 */
export function identityHandler(identities: Identities, desk: PairingDesk): IdentityHandler {
  // Strangers have nothing that devices with a certificate could miss.
  const [reading, pairing, renewing] = [new Shares(maxReadEach), new Shares(maxPairing), new Shares(maxRenewalsEach)];
  const answers: Record<string, (request: IncomingMessage, socket: TLSSocket) => Promise<object>> = {
    [`POST ${identityPaths.pair}`]: (request, socket) => pair(desk, { reading, pairing }, request, socket),
    [`POST ${identityPaths.renew}`]: (request, socket) => renew(identities, renewing, request, socket),
    [`GET ${identityPaths.advice}`]: async (_, socket) => identities.adviceFor(callerOf(identities, socket)),
  };
  const paths: readonly string[] = Object.values(identityPaths);
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (!paths.includes(path)) return false;
    const answer = answers[`${request.method} ${path}`];
    if (answer === undefined) refuse(response, new CutpointError('CUT_HTTP', `${request.method} is not for ${path}.`));
    else void respond(request, response, answer);
    return true;
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: IncomingMessage, socket: TLSSocket) => Promise<object>,
): Promise<void> {
  try {
    const { socket } = request;
    if (!(socket instanceof TLSSocket)) throw new CutpointError('CUT_TLS', 'This is answered over HTTPS only.');
    const body = JSON.stringify(await answer(request, socket));
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body);
  } catch (thrown) {
    refuse(response, asCutpointError(thrown, 'CUT_INTERNAL'));
  }
}

/** A message counts as somebody who pairs only once it is here: until then it is a stranger who may never end it. */
async function pair(
  desk: PairingDesk,
  { reading, pairing }: { readonly reading: Shares; readonly pairing: Shares },
  request: IncomingMessage,
  socket: TLSSocket,
): Promise<object> {
  const own = socket.getX509Certificate();
  if (own === undefined) throw new CutpointError('CUT_INTERNAL', 'The connection is encrypted without a certificate.');
  const message = await readShared(reading, networkOf(socket.remoteAddress), request);
  using place = pairing.take('');
  if (place === undefined) throw overloaded('Too many devices pair at once');
  return await desk.answer(message, keyHash(own.publicKey), `${socket.remoteAddress}`);
}

async function readShared(reading: Shares, network: string, request: IncomingMessage): Promise<PairingRequest> {
  using share = reading.take(network);
  if (share === undefined) throw overloaded('Too many devices of this address pair at once');
  return await readJson(request, pairingRequest);
}

async function renew(
  identities: Identities,
  renewing: Shares,
  request: IncomingMessage,
  socket: TLSSocket,
): Promise<object> {
  const caller = callerOf(identities, socket);
  using share = renewing.take(caller.device);
  if (share === undefined) throw overloaded('This device renews its certificate several times at once');
  const { request: asked } = await readJson(request, renewalRequest);
  const { certificate } = await identities.renew(caller, Buffer.from(asked, 'base64'));
  return { certificate, nowMs: identities.nowMs(), lifetimeMs };
}

function overloaded(what: string): CutpointError {
  return new CutpointError('CUT_OVERLOADED', `${what}; try again later.`);
}

function callerOf(identities: Identities, socket: TLSSocket): FleetIdentity {
  try {
    return identities.identify(socket.getPeerX509Certificate());
  } catch (thrown) {
    const error = asCutpointError(thrown, 'CUT_UNPAIRED');
    identities.noteRefusal('identity-refused', `${socket.remoteAddress}`, error.message, { hourly: true });
    throw error;
  }
}

/** @throws CutpointError CUT_HTTP if the body is too long, too slow or not what is expected */
async function readJson<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  const timer = setTimeout(() => request.destroy(), bodyDeadlineMs);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxPairingBytes)
        throw new CutpointError('CUT_HTTP', `The message is longer than ${maxPairingBytes} bytes.`);
      chunks.push(chunk);
    }
    return schema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    throw new CutpointError(
      'CUT_HTTP',
      'The message is not what belongs here: both sides may be of different versions.',
      {
        cause: thrown,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

function refuse(response: ServerResponse, { code, message }: CutpointError): void {
  const text = code === 'CUT_INTERNAL' ? 'The server failed; its log says more.' : message;
  const status = code === 'CUT_HTTP' ? 400 : code === 'CUT_OVERLOADED' ? 503 : code === 'CUT_INTERNAL' ? 500 : 403;
  // What is left of a message that was refused is not read.
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ error: { code, message: text } }));
}
