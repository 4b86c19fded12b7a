/**
 * The indices of the `count` largest values, of equals the lower index, in no order: a heap of those found so far, the worst
 * on top, so that of a large vocabulary almost every token costs one comparison.
 */
export function largestIds(values: Float32Array, count: number): Uint32Array {
  const size = Math.min(count, values.length);
  const heap = Uint32Array.from({ length: size }, (_, id) => id);
  const worse = (a: number, b: number) => {
    const x = values[a] as number;
    const y = values[b] as number;
    return x < y || (x === y && a > b);
  };
  for (let place = (size >> 1) - 1; place >= 0; place--) sink(heap, place, worse);
  if (size === 0) return heap;
  for (let id = size; id < values.length; id++) {
    // An equal of the worst has a higher id than it, as ids ascend.
    if ((values[id] as number) > (values[heap[0] as number] as number)) {
      heap[0] = id;
      sink(heap, 0, worse);
    }
  }
  return heap;
}

/** Moves an entry down until none below it is worse. */
function sink(heap: Uint32Array, start: number, worse: (a: number, b: number) => boolean): void {
  let place = start;
  for (;;) {
    let least = place;
    for (const child of [2 * place + 1, 2 * place + 2]) {
      if (child < heap.length && worse(heap[child] as number, heap[least] as number)) least = child;
    }
    if (least === place) return;
    const moved = heap[place] as number;
    heap[place] = heap[least] as number;
    heap[least] = moved;
    place = least;
  }
}
