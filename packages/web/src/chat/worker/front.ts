import { asCutpointError, CutpointError, type ErrorCode } from '@cutpoint/core';
import {
  type LayerRange,
  type OpenPart,
  openWasmRange,
  type PackageManifest,
  type RangeDecoder,
  tokensThatFit,
  WgpuRange,
} from '@cutpoint/llm/browser';
import { loadRuntime } from '../../runtime/load-runtime.js';
import { wasmThreads } from '../../runtime/wasm-threads.js';
import { noWebGpu } from '../../split/provider.js';
import type { ChatChoice, FrontProvider } from './messages.js';
import { pause } from './pause.js';

/** Tokens of a prompt that WebAssembly runs at once: the socket is served between them. */
const chunkTokens = 32;
/** What keys and values may take on a GPU. */
const gpuCacheBytes = 256 * 2 ** 20;
/** With these WebGPU is not there, or not enough for the model; WebAssembly may do. */
const lacking: ReadonlySet<ErrorCode> = new Set(['CUT_GPU_MISSING', 'CUT_GPU_LIMIT', 'CUT_GPU_MEMORY', 'CUT_GPU_LOST']);

/** Opens layers on WebGPU where they can run there, and otherwise, where anything will do, on WebAssembly. */
export class FrontOpener {
  readonly notices: string[] = [];
  readonly #manifest: PackageManifest;
  readonly #open: OpenPart;
  readonly #wanted: ChatChoice['provider'];
  provider: FrontProvider;
  threads = 1;

  constructor(manifest: PackageManifest, open: OpenPart, wanted: ChatChoice['provider']) {
    this.#manifest = manifest;
    this.#open = open;
    this.#wanted = wanted;
    this.provider = wanted === 'wasm' ? 'wasm' : 'webgpu';
  }

  /** @throws CutpointError CUT_GPU_MISSING and others of `WgpuRange.open` where WebGPU was asked for; those of `openWasmRange`. */
  async range(range: LayerRange): Promise<RangeDecoder> {
    if (this.provider === 'webgpu') {
      try {
        return await this.#onGpu(range);
      } catch (thrown) {
        const error = asCutpointError(thrown, 'CUT_INTERNAL');
        if (this.#wanted === 'webgpu' || !lacking.has(error.code)) throw inBrowser(error);
        this.#goOnWithout(error);
      }
    }
    return await this.#onWasm(range);
  }

  #goOnWithout(error: CutpointError): void {
    this.provider = 'wasm';
    const missing = error.code === 'CUT_GPU_MISSING';
    this.notices.push(missing ? noWebGpu : `WebAssembly is used, not WebGPU: ${error.message}`);
  }

  #onGpu(range: LayerRange): Promise<RangeDecoder> {
    const { config } = this.#manifest;
    const fitting = tokensThatFit(gpuCacheBytes, config, range.to - range.from);
    return WgpuRange.open(this.#open, this.#manifest, range, { cacheTokens: fitting, pause });
  }

  async #onWasm(range: LayerRange): Promise<RangeDecoder> {
    const runtime = await loadRuntime('wasm');
    this.threads = wasmThreads();
    return await openWasmRange(this.#manifest, range, { runtime, open: this.#open, chunkTokens, pause });
  }
}

/** What a GPU lacks is told for machines; in a browser nobody installs a driver for a page. */
function inBrowser(error: CutpointError): CutpointError {
  if (error.code !== 'CUT_GPU_MISSING') return error;
  const message = 'This browser has no WebGPU for this page: choose WebAssembly.';
  return new CutpointError('CUT_GPU_MISSING', message, { cause: error });
}
