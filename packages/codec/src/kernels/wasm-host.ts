/**
 * What the kernels use of WebAssembly, where the host has it. Declared here, because the types of the language alone do
 * not have it, and this package knows neither Node nor the page.
 */
export interface WasmHost {
  readonly WebAssembly?: {
    validate(bytes: Uint8Array<ArrayBuffer>): boolean;
    compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule>;
    readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
    readonly Instance: new (module: WasmModule) => { readonly exports: unknown };
  };
  /** The characters whose codes are the bytes that a base64 text stands for. */
  atob(text: string): string;
}

/** Only the host looks inside. */
export type WasmModule = object;

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB; what was read through the old `buffer` is gone. */
  grow(pages: number): number;
}

export const thisHost = globalThis as unknown as WasmHost;
