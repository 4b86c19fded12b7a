/** What kernels of attention need to know of a layer and its cache. */
export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly pageTokens: number;
  readonly windowTokens: number | null;
  readonly scale: number;
}

/** In WGSL: where the key or value of a position begins. `pages` lists the pages of each row's sequence. */
export function cacheText({ kvHeads, headSize, pageTokens }: AttentionShape): string {
  return `
fn cached(table: u32, position: u32, kvHead: u32) -> u32 {
  let page = pages[table + position / ${pageTokens}u];
  return ((page * ${kvHeads}u + kvHead) * ${pageTokens}u + position % ${pageTokens}u) * ${headSize}u;
}`;
}
