import { wasmBase64 } from './wasm-bytes.js';
import type { WasmExports } from './wasm-exports.js';
import { thisHost, type WasmHost, type WasmModule } from './wasm-host.js';

/** Everything below belongs to the module: its constants. */
const reservedBytes = 65_536;
const pageBytes = 65_536;
/** What the module may grow to; build-kernels.mjs writes it into the module as well. */
const mostBytes = 4096 * pageBytes;

/** No kernel goes further past the end of an array. */
const slackBytes = 64;

/** The module's functions and the memory they share with whoever calls them. */
export interface WasmInstance {
  readonly run: WasmExports;
  /** Where room starts. */
  readonly base: number;
  /** The whole memory with at least so many bytes of room from `base` on; earlier views may be gone. */
  memory(roomBytes: number): Uint8Array<ArrayBuffer>;
  /** Views of that memory, made once as they take time. */
  views(): WasmViews;
}

interface WasmViews {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly u16: Uint16Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly f32: Float32Array<ArrayBuffer>;
}

/** Compiles here and now. @returns undefined where the host has no WebAssembly with SIMD. */
export function compileKernels(host: WasmHost = thisHost): WasmModule | undefined {
  const bytes = readModule(host);
  return bytes && host.WebAssembly && new host.WebAssembly.Module(bytes);
}

/** Compiles beside other work, which is what a page's main thread has to do. @returns as `compileKernels` */
export async function compileKernelsAsync(host: WasmHost = thisHost): Promise<WasmModule | undefined> {
  const bytes = readModule(host);
  return bytes && (await host.WebAssembly?.compile(bytes));
}

function readModule(host: WasmHost): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Uint8Array.from(host.atob(wasmBase64), (character) => character.charCodeAt(0));
  return host.WebAssembly?.validate(bytes) ? bytes : undefined;
}

export function instantiate(module: WasmModule, host: WasmHost = thisHost): WasmInstance {
  if (host.WebAssembly === undefined) throw new Error('A module can only be made where there is WebAssembly.');
  const run = new host.WebAssembly.Instance(module).exports as WasmExports;
  let views = viewsOf(run.memory.buffer);
  return {
    run,
    base: reservedBytes,
    memory(roomBytes) {
      const missing = reservedBytes + roomBytes - views.bytes.length;
      if (missing > 0) {
        run.memory.grow(Math.ceil(missing / pageBytes));
        views = viewsOf(run.memory.buffer);
      }
      return views.bytes;
    },
    views: () => views,
  };
}

function viewsOf(buffer: ArrayBuffer): WasmViews {
  return {
    bytes: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    u32: new Uint32Array(buffer),
    f32: new Float32Array(buffer),
  };
}

/**
 * Room for several arrays of so many bytes, with slack between them for what kernels read and write past an end. Asked
 * again with the same sizes first, it gives the same places, and what lies there stays.
 * @returns undefined if the module must not grow so large.
 */
export function roomFor<const Sizes extends readonly number[]>(
  wasm: WasmInstance,
  sizes: Sizes,
): { readonly memory: Uint8Array<ArrayBuffer>; readonly at: { readonly [Index in keyof Sizes]: number } } | undefined {
  let used = 0;
  const at: number[] = [];
  for (const bytes of sizes) {
    at.push(wasm.base + used);
    used += 16 * Math.ceil((bytes + slackBytes) / 16);
  }
  if (wasm.base + used > mostBytes) return undefined;
  // There is one place for each size.
  return { memory: wasm.memory(used), at: at as { [Index in keyof Sizes]: number } };
}

/** Copies an array in. */
export function putArray(memory: Uint8Array<ArrayBuffer>, at: number, array: ArrayBufferView): void {
  memory.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
}
