/** f32 elements on a GPU, one behind the other in the order of a tensor. */
export interface ElementsOnGpu {
  readonly buffer: GPUBuffer;
  /** Which element of the buffer is the first; default 0. */
  readonly from?: number;
}
