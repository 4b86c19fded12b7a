import type { PageIdentity } from '@cutpoint/control/browser';
import { CutpointError } from '@cutpoint/core';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const [database, table, only] = ['cutpoint', 'identity', 'page'];

interface Kept {
  readonly keys: CryptoKeyPair;
  readonly certificate: string | undefined;
}

/**
 * Who this browser is in the fleet of this address: a key that no script can read, kept in IndexedDB with its certificate, from one load of
 * the page to the next. Made where there is none.
 * @throws CutpointError CUT_TLS if the page came without TLS from another machine: browsers give such pages no keys
 */
export async function openIdentity(): Promise<PageIdentity> {
  if (!isSecureContext) {
    const message =
      'A browser keeps keys for pages over https:// or of this machine only: start the server with --lan.';
    throw new CutpointError('CUT_TLS', message);
  }
  const db = await openDatabase();
  const kept = (await read(db)) ?? {
    keys: await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']),
    certificate: undefined,
  };
  const { keys } = kept;
  let { certificate } = kept;
  await write(db, kept);
  return {
    key: base64(await crypto.subtle.exportKey('spki', keys.publicKey)),
    sign: async (text) => base64(await crypto.subtle.sign(algorithm, keys.privateKey, new TextEncoder().encode(text))),
    get certificate() {
      return certificate;
    },
    async keep(given) {
      certificate = given;
      await write(db, { keys, certificate });
    },
  };
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(database, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(table);
  return settled(request);
}

function read(db: IDBDatabase): Promise<Kept | undefined> {
  return settled(db.transaction(table).objectStore(table).get(only));
}

async function write(db: IDBDatabase, kept: Kept): Promise<void> {
  await settled(db.transaction(table, 'readwrite').objectStore(table).put(kept, only));
}

/** @throws CutpointError CUT_STORE */
function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => {
      const message = `The browser keeps nothing for this page: ${request.error?.message ?? 'no reason given'}. Leave private browsing, or free space.`;
      reject(new CutpointError('CUT_STORE', message, { cause: request.error }));
    };
  });
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}
