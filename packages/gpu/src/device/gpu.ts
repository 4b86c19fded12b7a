import { CutpointError, messageOf } from '@cutpoint/core';
import type { GpuInfo } from './gpu-info.js';
import { type BoundKernel, type Dispatch, type Kernel, type KernelSource, makeKernel } from './kernel.js';

/** A part of a buffer and where it is copied to, in bytes. */
export interface BufferSpan {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Bytes that went to a GPU and came back, since it was opened. */
export interface GpuTraffic {
  readonly uploadedBytes: number;
  readonly readBytes: number;
}

/** An open GPU: its kernels, made once each, and its buffers. */
export class Gpu implements Disposable {
  readonly info: GpuInfo;
  readonly device: GPUDevice;
  /** Kept for as long as the device is: Dawn ends with it. */
  readonly webgpu: GPU;
  /** Resolves when the device is gone, also if it was closed. */
  readonly lost: Promise<CutpointError>;
  readonly #kernels = new Map<string, Promise<Kernel>>();
  #gone: CutpointError | undefined;
  readonly #owned: boolean;
  #closed = false;
  #uploadedBytes = 0;
  #readBytes = 0;

  /** @param owned whether the device is closed with this. */
  constructor(gpu: GPU, device: GPUDevice, info: GpuInfo, owned: boolean) {
    this.webgpu = gpu;
    this.device = device;
    this.info = info;
    this.#owned = owned;
    this.lost = device.lost.then(({ reason, message }) => {
      // Others that share a device may destroy it.
      this.#gone =
        reason === 'destroyed' && this.#closed
          ? closed()
          : new CutpointError('CUT_GPU_LOST', `The GPU was lost: ${message}`);
      return this.#gone;
    });
  }

  get traffic(): GpuTraffic {
    return { uploadedBytes: this.#uploadedBytes, readBytes: this.#readBytes };
  }

  /** Whether it can run kernels. */
  get alive(): boolean {
    return this.#gone === undefined;
  }

  /** Compiles a kernel, once. @throws CutpointError CUT_GPU_LIMIT, CUT_INTERNAL with what the compiler says. */
  kernel(source: KernelSource): Promise<Kernel> {
    const { wgsl, threads, sharedBytes } = source;
    const key = `${threads} ${sharedBytes} ${wgsl}`;
    const known = this.#kernels.get(key);
    if (known !== undefined) return known;
    const made = makeKernel(this.device, this.info, source);
    this.#kernels.set(key, made);
    // One that failed may do another time.
    made.catch(() => this.#kernels.delete(key));
    return made;
  }

  /**
   * Memory on the GPU, with these contents or empty (zero).
   * @throws CutpointError CUT_GPU_LIMIT if the adapter allows no buffer of that size; CUT_GPU_MEMORY, CUT_GPU_LOST.
   */
  async buffer(label: string, contents: ArrayBufferView | { readonly bytes: number }): Promise<GPUBuffer> {
    const view = ArrayBuffer.isView(contents) ? contents : undefined;
    const bytes = view === undefined ? (contents as { readonly bytes: number }).bytes : view.byteLength;
    // Copies and bindings come in words.
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    const limit = Math.min(this.info.maxBufferBytes, this.info.maxBindingBytes);
    if (size > limit) {
      const what = `${label} needs a buffer of ${size} bytes; this GPU allows ${limit}`;
      throw new CutpointError('CUT_GPU_LIMIT', `${what}. Choose fewer bits, a smaller model or another GPU.`);
    }
    const { STORAGE, COPY_DST, COPY_SRC, UNIFORM } = GPUBufferUsage;
    const usage = STORAGE | COPY_DST | COPY_SRC | (size <= 256 ? UNIFORM : 0);
    return this.#guarded(() => {
      const buffer = this.device.createBuffer({ label, size, usage });
      if (view !== undefined) this.write(buffer, view);
      return buffer;
    });
  }

  /**
   * Copies parts of a buffer to other places in it, before what is run next.
   * @throws CutpointError CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  async copyWithin(buffer: GPUBuffer, spans: readonly BufferSpan[]): Promise<void> {
    const { COPY_SRC, COPY_DST } = GPUBufferUsage;
    await this.#guarded(() => {
      const encoder = this.device.createCommandEncoder();
      // WebGPU does not copy within a buffer.
      const parts = spans.map(({ from, to, bytes }) => {
        const between = this.device.createBuffer({ size: bytes, usage: COPY_SRC | COPY_DST });
        encoder.copyBufferToBuffer(buffer, from, between, 0, bytes);
        encoder.copyBufferToBuffer(between, 0, buffer, to, bytes);
        return between;
      });
      this.device.queue.submit([encoder.finish()]);
      for (const between of parts) between.destroy();
    });
  }

  /**
   * Runs kernels in order, and waits for them.
   * @throws CutpointError CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  async run(dispatches: readonly Dispatch[]): Promise<void> {
    await this.#guarded(() => {
      const encoder = this.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const dispatch of dispatches) this.#encode(pass, dispatch);
      pass.end();
      this.device.queue.submit([encoder.finish()]);
    });
    await this.#unlessLost(this.device.queue.onSubmittedWorkDone());
  }

  /** Names the buffers of a kernel, in the order of its bindings. */
  bind(kernel: Kernel, buffers: readonly GPUBuffer[]): BoundKernel {
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const bindings = this.device.createBindGroup({ layout: kernel.pipeline.getBindGroupLayout(0), entries });
    return { pipeline: kernel.pipeline, bindings };
  }

  #encode(pass: GPUComputePassEncoder, { bound, groups }: Dispatch): void {
    pass.setPipeline(bound.pipeline);
    pass.setBindGroup(0, bound.bindings);
    pass.dispatchWorkgroups(...groups);
  }

  /** Replaces a part of a buffer, before what is run next. `at`: in bytes, a multiple of 4. */
  write(buffer: GPUBuffer, view: ArrayBufferView, at = 0): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const whole = bytes.byteLength - (bytes.byteLength % 4);
    this.#uploadedBytes += Math.ceil(bytes.byteLength / 4) * 4;
    if (whole > 0) this.device.queue.writeBuffer(buffer, at, bytes, 0, whole);
    if (whole === bytes.byteLength) return;
    const rest = new Uint8Array(4);
    rest.set(bytes.subarray(whole));
    this.device.queue.writeBuffer(buffer, at + whole, rest);
  }

  /**
   * Bytes of a buffer; default: all. @param size and `from` in multiples of 4.
   * @throws CutpointError CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  async read(buffer: GPUBuffer, size = buffer.size, from = 0): Promise<ArrayBuffer> {
    const { COPY_DST, MAP_READ } = GPUBufferUsage;
    const staging = await this.#guarded(() => {
      const made = this.device.createBuffer({ label: 'read back', size, usage: COPY_DST | MAP_READ });
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, from, made, 0, size);
      this.device.queue.submit([encoder.finish()]);
      return made;
    });
    try {
      await this.#unlessLost(staging.mapAsync(GPUMapMode.READ));
      this.#readBytes += size;
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  }

  /** WebGPU tells of errors afterwards and only to who asked. */
  async #guarded<T>(act: () => T): Promise<T> {
    if (this.#gone !== undefined) throw this.#gone;
    this.device.pushErrorScope('out-of-memory');
    this.device.pushErrorScope('validation');
    let found: Promise<(GPUError | null)[]>;
    let result: T;
    try {
      result = act();
    } finally {
      found = Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
    }
    const [invalid = null, memory = null] = await this.#unlessLost(found);
    if (memory !== null) throw new CutpointError('CUT_GPU_MEMORY', `The GPU has no memory left: ${memory.message}`);
    if (invalid !== null) throw new CutpointError('CUT_INTERNAL', `The GPU refused a command: ${invalid.message}`);
    return result;
  }

  /** What is waited for is rejected in ways of its own where the device is lost, or resolved as if nothing were. */
  async #unlessLost<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      if (this.#gone === undefined) return result;
    } catch (cause) {
      if (this.#gone === undefined) {
        throw new CutpointError('CUT_GPU_LOST', `The GPU was lost: ${messageOf(cause)}`, { cause });
      }
    }
    throw this.#gone;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#kernels.clear();
    if (this.#owned) this.device.destroy();
    else this.#gone ??= closed();
  }
}

function closed(): CutpointError {
  return new CutpointError('CUT_DISPOSED', 'The GPU was closed.');
}
