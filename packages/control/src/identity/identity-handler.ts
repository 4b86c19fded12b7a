import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { lifetimeMs } from './authority.js';
import type { Identities } from './identities.js';
import { keyHash } from './keys.js';
import type { FleetIdentity } from './names.js';
import type { PairingDesk } from './pairing-desk.js';
import { maxPairingBytes, pairingRequest } from './pairing-messages.js';

/** Where devices pair, renew and ask. */
export const identityPaths = { pair: '/v1/pair', renew: '/v1/identity/renew', advice: '/v1/identity' } as const;

export const renewalRequest = z.strictObject({ request: z.string().max(4096) });
const bodyDeadlineMs = 10_000;
/** Strangers whose messages are being read at a time. */
const maxAtOnce = 16;

/** Answers a request if its path is one of `identityPaths`; false if it is not, and nothing was done. */
export type IdentityHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Pairing, renewal and advice over HTTPS. The listener has to ask for certificates without insisting on them (Node:
 * `requestCert: true, rejectUnauthorized: false`), as a device that pairs has none.
 */
export function identityHandler(identities: Identities, desk: PairingDesk): IdentityHandler {
  const answers: Record<string, (request: IncomingMessage, socket: TLSSocket) => Promise<object>> = {
    [`POST ${identityPaths.pair}`]: (request, socket) => pair(desk, request, socket),
    [`POST ${identityPaths.renew}`]: (request, socket) => renew(identities, request, socket),
    [`GET ${identityPaths.advice}`]: async (_, socket) => identities.adviceFor(callerOf(identities, socket)),
  };
  const paths: readonly string[] = Object.values(identityPaths);
  let atOnce = 0;
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (!paths.includes(path)) return false;
    const answer = answers[`${request.method} ${path}`];
    if (answer === undefined) refuse(response, new CutpointError('CUT_HTTP', `${request.method} is not for ${path}.`));
    else if (atOnce >= maxAtOnce)
      refuse(response, new CutpointError('CUT_OVERLOADED', 'Too many devices ask at once; try again later.'));
    else {
      atOnce++;
      respond(request, response, answer).finally(() => {
        atOnce--;
      });
    }
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

async function pair(desk: PairingDesk, request: IncomingMessage, socket: TLSSocket): Promise<object> {
  const own = socket.getX509Certificate();
  if (own === undefined) throw new CutpointError('CUT_INTERNAL', 'The connection is encrypted without a certificate.');
  const message = await readJson(request, pairingRequest);
  return await desk.answer(message, keyHash(own.publicKey), `${socket.remoteAddress}`);
}

async function renew(identities: Identities, request: IncomingMessage, socket: TLSSocket): Promise<object> {
  const caller = callerOf(identities, socket);
  const { request: asked } = await readJson(request, renewalRequest);
  const { certificate } = await identities.renew(caller, Buffer.from(asked, 'base64'));
  return { certificate, nowMs: identities.nowMs(), lifetimeMs };
}

function callerOf(identities: Identities, socket: TLSSocket): FleetIdentity {
  try {
    return identities.identify(socket.getPeerX509Certificate());
  } catch (thrown) {
    const error = asCutpointError(thrown, 'CUT_UNPAIRED');
    identities.noteRefusal('identity-refused', `${socket.remoteAddress}`, error.message);
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
