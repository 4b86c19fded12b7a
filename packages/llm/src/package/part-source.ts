import type { PackageFile } from './package-manifest.js';

/** A file of a package, wherever it lies, that is read at any place. Close it with `await using`. */
export interface PartSource extends AsyncDisposable {
  /** So many bytes from `offset` on, neither less nor more. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Opens the files of one package. @throws CutpointError CUT_FILE_NOT_FOUND and others, as where they lie. */
export type OpenPart = (part: PackageFile) => Promise<PartSource>;
