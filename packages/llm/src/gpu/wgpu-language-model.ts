import { openPackageText, type PackageText } from '../decode/package-text.js';
import { WgpuDecoder, type WgpuOptions } from './wgpu-decoder.js';

/** A package that is open on the GPU of this machine. */
export interface WgpuLanguageModel extends PackageText, AsyncDisposable {
  readonly decoder: WgpuDecoder;
}

/** @throws CutpointError as `openPackageText` and `WgpuDecoder.open`. */
export async function openWgpuLanguageModel(folder: string, options: WgpuOptions = {}): Promise<WgpuLanguageModel> {
  const text = await openPackageText(folder);
  const decoder = await WgpuDecoder.open(folder, text.manifest, options);
  return { ...text, decoder, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
}
