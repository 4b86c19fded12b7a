import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import tls, { TLSSocket } from 'node:tls';
import type { ClusterSecret } from './hello.js';
import { type RankSocket, readingSocket } from './rank-socket.js';

/**
 * TLS 1.3 (RFC 8446) with a pre-shared key instead of certificates, as both sides have a key of this cluster already. Keys of
 * a connection are agreed on by Diffie-Hellman as well, so that nobody reads later what was recorded. Machines without
 * instructions for AES take ChaCha20.
 */
const protocol = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
} as const;

/** The side that dialled, once both have greeted. The socket is used up. @throws Error if the other side has another key. */
export async function encryptDialling({ socket }: RankSocket, secret: ClusterSecret): Promise<RankSocket> {
  const psk = encryptionKey(secret);
  socket.removeAllListeners('data');
  const identity = Buffer.from(secret.id).toString('hex');
  const secured = tls.connect({
    socket,
    ...protocol,
    pskCallback: () => ({ psk, identity }),
    // There is no certificate: who has the key is who it says.
    checkServerIdentity: () => undefined,
  });
  return await ready(secured, 'secureConnect');
}

/** The side that was dialled, right behind its last word in the clear. @throws as `encryptDialling` */
export async function encryptDialled({ socket }: RankSocket, secret: ClusterSecret): Promise<RankSocket> {
  const psk = encryptionKey(secret);
  socket.removeAllListeners('data');
  const options: tls.TLSSocketOptions & Pick<tls.TlsOptions, 'pskCallback'> = {
    isServer: true,
    ...protocol,
    pskCallback: () => psk,
  };
  return await ready(new TLSSocket(socket, options), 'secure');
}

async function ready(secured: TLSSocket, event: 'secureConnect' | 'secure'): Promise<RankSocket> {
  // One that comes before the link listens must not end the process; the link hears of the end.
  secured.on('error', () => undefined);
  await once(secured, event);
  return readingSocket(secured);
}

/** Another key than proofs are made with, so that neither says anything of the other. */
function encryptionKey({ id, key }: ClusterSecret): Buffer {
  return createHmac('sha256', key).update('encryption').update(id).digest();
}
