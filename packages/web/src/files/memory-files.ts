import type { KeptFiles } from './kept-files.js';

/** Files as long as this page is open, where the browser keeps none. */
export function memoryFiles(): KeptFiles {
  const pieces = new Map<string, Blob[]>();
  const wholes = new Set<string>();
  return {
    get: async (sha256) => ({ pieces: pieces.get(sha256) ?? [], whole: wholes.has(sha256) }),
    async addPiece(sha256, index, piece) {
      const own = pieces.get(sha256) ?? [];
      own[index] = piece;
      pieces.set(sha256, own);
    },
    complete: async (sha256) => void wholes.add(sha256),
    hashes: async () => new Set(pieces.keys()),
    async forget(sha256) {
      pieces.delete(sha256);
      wholes.delete(sha256);
    },
    [Symbol.dispose]: () => pieces.clear(),
  };
}
