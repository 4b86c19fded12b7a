import type { KeptFiles } from './kept-files.js';

/** Files that are kept until there is no room for one more; from then on none is, and `onFull` has heard of it. */
export function untilFull(files: KeptFiles, onFull: () => void): KeptFiles {
  let full = false;
  return {
    get: (sha256) => files.get(sha256),
    async addPiece(sha256, index, piece) {
      if (full) return;
      try {
        await files.addPiece(sha256, index, piece);
      } catch (thrown) {
        if (!(thrown instanceof DOMException) || thrown.name !== 'QuotaExceededError') throw thrown;
        full = true;
        onFull();
      }
    },
    complete: async (sha256) => (full ? undefined : await files.complete(sha256)),
    hashes: () => files.hashes(),
    forget: (sha256) => files.forget(sha256),
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}
