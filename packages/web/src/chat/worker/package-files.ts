import { CutpointError } from '@cutpoint/core';
import {
  type ChatOffer,
  checkManifest,
  type OpenPart,
  type PackageFile,
  type PackageManifest,
} from '@cutpoint/llm/browser';
import { type FetchSource, fetchFile } from '../../files/fetch-file.js';

/** The files of a package at a server: fetched when they are opened, and kept. */
export function packageFiles(source: FetchSource): OpenPart {
  return async (part) => {
    const blob = await fetchFile(part, source);
    return {
      async read(offset, length) {
        const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
        if (bytes.length === length) return bytes;
        throw new CutpointError('CUT_PACKAGE', `${part.path} ends before byte ${offset + length}.`);
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
}

/** @throws CutpointError CUT_PACKAGE, and as `fetchFile`. */
export async function fetchManifest({ manifest }: ChatOffer, source: FetchSource): Promise<PackageManifest> {
  const text = await (await fetchFile(manifest, source)).text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CutpointError('CUT_PACKAGE', 'The manifest of the server is not JSON.', { cause });
  }
  return checkManifest(value, 'The manifest of the server');
}

/** What a page needs of a package for a cut. */
export function neededFiles(
  { embedding, layers, head, tokenizer }: PackageManifest,
  at: number,
  hides: boolean,
): readonly PackageFile[] {
  return [...tokenizer, embedding, ...layers.slice(0, at), ...(hides ? [head] : [])];
}
