import type { KeptFile, KeptFiles } from './kept-files.js';

const [pieces, wholes] = ['pieces', 'wholes'] as const;

/**
 * Files in IndexedDB, which pages have also where they are not secure: those opened by `http://` and the address of another
 * machine have neither the cache of service workers nor a file system.
 * @throws DOMException where the browser keeps nothing, as in some private windows.
 */
export async function openIndexedFiles(name: string): Promise<KeptFiles> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore(pieces);
    opening.result.createObjectStore(wholes);
  };
  const database = await answered(opening);
  const store = (of: string, mode: IDBTransactionMode) => database.transaction(of, mode).objectStore(of);
  return {
    async get(sha256): Promise<KeptFile> {
      const found = await answered(store(pieces, 'readonly').getAll(piecesOf(sha256)));
      const whole = await answered(store(wholes, 'readonly').get(sha256));
      return { pieces: found as Blob[], whole: whole === true };
    },
    async addPiece(sha256, index, piece) {
      await done(store(pieces, 'readwrite').put(piece, [sha256, index]));
    },
    async complete(sha256) {
      await done(store(wholes, 'readwrite').put(true, sha256));
    },
    async hashes() {
      const keys = (await answered(store(pieces, 'readonly').getAllKeys())) as [string, number][];
      return new Set(keys.map(([sha256]) => sha256));
    },
    async forget(sha256) {
      await done(store(wholes, 'readwrite').delete(sha256));
      await done(store(pieces, 'readwrite').delete(piecesOf(sha256)));
    },
    [Symbol.dispose]: () => database.close(),
  };
}

function piecesOf(sha256: string): IDBKeyRange {
  return IDBKeyRange.bound([sha256, 0], [sha256, Number.MAX_SAFE_INTEGER]);
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Until it is written: only the transaction knows whether there was room. */
function done({ transaction }: IDBRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    if (transaction === null) return resolve();
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
