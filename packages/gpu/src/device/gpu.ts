import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { BufferContents, BufferPart, BufferSet, BufferSpan, CopiedPart } from './buffer-parts.js';
import { DeviceLife } from './device-life.js';
import type { GpuInfo } from './gpu-info.js';
import { type BoundKernel, type Dispatch, type Kernel, type KernelSource, makeKernel } from './kernel.js';

/** What ends a wait: it is cancelled, or its deadline has passed. What was sent to the GPU runs to its end. */
export interface WaitOptions {
  readonly signal?: CancelSignal | undefined;
}

/** Bytes that went to a GPU and came back, since it was opened. */
export interface GpuTraffic {
  readonly uploadedBytes: number;
  readonly readBytes: number;
}

export interface GpuLife {
  /** Whether the device is destroyed with it. */
  readonly owned: boolean;
  /** How long it may leave a wait without an answer, in ms, before it counts as lost. */
  readonly stuckMs: number;
}

/** An open GPU: its kernels, made once each, and its buffers. */
export class Gpu implements Disposable {
  readonly info: GpuInfo;
  readonly device: GPUDevice;
  /** Kept for as long as the device is: Dawn ends with it. */
  readonly webgpu: GPU;
  /** Resolves when the device is gone: closed, lost, or without an answer for long. */
  readonly lost: Promise<CutpointError>;
  readonly #kernels = new Map<string, Promise<Kernel>>();
  readonly #life: DeviceLife;
  readonly #owned: boolean;
  #uploadedBytes = 0;
  #readBytes = 0;

  constructor(gpu: GPU, device: GPUDevice, info: GpuInfo, { owned, stuckMs }: GpuLife) {
    this.webgpu = gpu;
    this.device = device;
    this.info = info;
    this.#owned = owned;
    this.#life = new DeviceLife(device, stuckMs);
    this.lost = this.#life.lost;
  }

  get traffic(): GpuTraffic {
    return { uploadedBytes: this.#uploadedBytes, readBytes: this.#readBytes };
  }

  /** Whether it can run kernels. */
  get alive(): boolean {
    return this.#life.gone === undefined;
  }

  /** Compiles a kernel, once. @throws CutpointError CUT_GPU_LIMIT, CUT_GPU_LOST, CUT_INTERNAL with what the compiler says. */
  kernel(source: KernelSource): Promise<Kernel> {
    const { wgsl, threads, sharedBytes } = source;
    const key = `${threads} ${sharedBytes} ${wgsl}`;
    const known = this.#kernels.get(key);
    if (known !== undefined) return known;
    const made = this.#life.unlessLost(makeKernel(this.device, this.info, source));
    this.#kernels.set(key, made);
    // One that failed may do another time.
    made.catch(() => this.#kernels.delete(key));
    return made;
  }

  /**
   * Memory on the GPU, with these contents or empty (zero).
   * @throws CutpointError CUT_GPU_LIMIT if the adapter allows no buffer of that size; CUT_GPU_MEMORY, CUT_GPU_LOST.
   */
  async buffer(label: string, contents: BufferContents): Promise<GPUBuffer> {
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

  /** Several buffers, or none: where one cannot be made, the others are freed. @throws CutpointError as `buffer`. */
  async buffers<Names extends string>(contents: Readonly<Record<Names, BufferContents>>): Promise<BufferSet<Names>> {
    const names = Object.keys(contents) as Names[];
    // At once, as each is a wait.
    const tried = await Promise.allSettled(names.map((name) => this.buffer(name, contents[name])));
    const made = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const free = () => {
      for (const buffer of made) buffer.destroy();
    };
    const failed = tried.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      free();
      throw failed.reason;
    }
    const byName = Object.fromEntries(names.map((name, i) => [name, made[i]])) as Record<Names, GPUBuffer>;
    return { ...byName, [Symbol.dispose]: free };
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

  /** Copies parts of other buffers into one, before what is run next. @throws CutpointError CUT_GPU_LOST, CUT_INTERNAL. */
  async copy(parts: readonly CopiedPart[], into: GPUBuffer): Promise<void> {
    await this.#guarded(() => this.#copyAll(parts, into));
  }

  #copyAll(parts: readonly CopiedPart[], into: GPUBuffer): void {
    const encoder = this.device.createCommandEncoder();
    for (const { buffer, from, to, bytes } of parts) encoder.copyBufferToBuffer(buffer, from, into, to, bytes);
    this.device.queue.submit([encoder.finish()]);
  }

  /**
   * Runs kernels in order, and waits for them.
   * @throws CutpointError CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL, CUT_CANCELLED, CUT_DEADLINE.
   */
  async run(dispatches: readonly Dispatch[], { signal }: WaitOptions = {}): Promise<void> {
    throwIfCancelled(signal);
    await this.submit(dispatches);
    await this.#life.unlessLost(this.device.queue.onSubmittedWorkDone(), signal);
  }

  /**
   * Runs kernels in order, before what is run next; for who reads what comes of them, or runs others behind them.
   * @throws CutpointError CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  async submit(dispatches: readonly Dispatch[]): Promise<void> {
    await this.#guarded(() => {
      const encoder = this.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const dispatch of dispatches) this.#encode(pass, dispatch);
      pass.end();
      this.device.queue.submit([encoder.finish()]);
    });
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

  /** The first bytes of a buffer; default: all. @throws CutpointError as `readParts`. */
  async read(buffer: GPUBuffer, bytes = buffer.size, options: WaitOptions = {}): Promise<ArrayBuffer> {
    const [all = new ArrayBuffer(0)] = await this.readParts([{ buffer, from: 0, bytes }], options);
    return all;
  }

  /**
   * Parts of buffers, in one wait.
   * @throws CutpointError CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL, CUT_CANCELLED, CUT_DEADLINE.
   */
  async readParts(parts: readonly BufferPart[], { signal }: WaitOptions = {}): Promise<readonly ArrayBuffer[]> {
    throwIfCancelled(signal);
    const { COPY_DST, MAP_READ } = GPUBufferUsage;
    let size = 0;
    const copied = parts.map((part) => {
      size += part.bytes;
      return { ...part, to: size - part.bytes };
    });
    const staging = await this.#guarded(() => {
      const made = this.device.createBuffer({ label: 'read back', size, usage: COPY_DST | MAP_READ });
      this.#copyAll(copied, made);
      return made;
    });
    try {
      await this.#life.unlessLost(staging.mapAsync(GPUMapMode.READ), signal);
      this.#readBytes += size;
      const all = staging.getMappedRange();
      return copied.map(({ to, bytes }) => all.slice(to, to + bytes));
    } finally {
      staging.destroy();
    }
  }

  /** WebGPU tells of errors afterwards and only to who asked. */
  async #guarded<T>(act: () => T): Promise<T> {
    if (this.#life.gone !== undefined) throw this.#life.gone;
    this.device.pushErrorScope('out-of-memory');
    this.device.pushErrorScope('validation');
    let found: Promise<(GPUError | null)[]>;
    let result: T;
    try {
      result = act();
    } finally {
      found = Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
    }
    const [invalid = null, memory = null] = await this.#life.unlessLost(found);
    if (memory !== null) throw new CutpointError('CUT_GPU_MEMORY', `The GPU has no memory left: ${memory.message}`);
    if (invalid !== null) throw new CutpointError('CUT_INTERNAL', `The GPU refused a command: ${invalid.message}`);
    return result;
  }

  [Symbol.dispose](): void {
    this.#kernels.clear();
    this.#life.close(this.#owned);
  }
}
