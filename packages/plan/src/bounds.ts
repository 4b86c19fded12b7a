import { hopAt, type Tables } from './tables.js';

/**
 * By column, the least that completing a plan can still cost from a state: `decide` for "the tensors of this cut are at
 * this device, which computes next", `done` for "this device has computed up to this cut". Infinity: no way to complete.
 * At `(device * cuts + cut) * width + column`.
 */
export interface Bounds {
  readonly decide: Float64Array;
  readonly done: Float64Array;
}

export function boundsOf(tables: Tables): Bounds {
  const { layout, cuts, devices, codecs, segments, hops, idleW } = tables;
  const width = layout.columns.length;
  const { sums, energy } = layout;
  const decide = new Float64Array(devices * cuts * width).fill(Infinity);
  const done = new Float64Array(devices * cuts * width).fill(Infinity);
  const soonest = energy >= 0 && layout.latency >= 0 ? soonestOf(tables) : undefined;

  /** Lowers a state's bound by a step to a state behind it. */
  const relax = (
    bound: Float64Array,
    at: number,
    table: Float64Array,
    step: number,
    rest: Float64Array,
    next: number,
    extra: number,
  ) => {
    for (let c = 0; c < width; c++) {
      const own = table[step + c] as number;
      const later = rest[next + c] as number;
      let value = c < sums ? own + later : own > later ? own : later;
      if (c === energy) value += extra;
      if (value < (bound[at + c] as number)) bound[at + c] = value;
    }
  };

  for (let device = devices - 1; device >= 0; device--) {
    done.fill(0, (device * cuts + cuts - 1) * width, (device * cuts + cuts) * width);
    for (let cut = 0; cut < cuts - 1; cut++) {
      const at = device * cuts + cut;
      for (let to = device + 1; to < devices; to++) {
        const joinedW = (idleW[to] as number) - (idleW[device] as number);
        const extra = soonest === undefined || joinedW === 0 ? 0 : joinedW * (soonest[at] as number);
        for (let codec = 0; codec < codecs; codec++) {
          const step = hopAt(tables, device, to, codec, cut);
          if (hops[step] !== Infinity) relax(done, at * width, hops, step, decide, (to * cuts + cut) * width, extra);
        }
      }
    }
    const table = segments[device] as Float64Array;
    for (let to = cuts - 1; to > 0; to--) {
      const next = (device * cuts + to) * width;
      if (done[next] === Infinity) continue;
      for (let from = 0; from < to; from++) {
        const step = (to * cuts + from) * width;
        if (table[step] !== Infinity) relax(decide, (device * cuts + from) * width, table, step, done, next, 0);
      }
    }
  }
  return { decide, done };
}

/** The least latency with which a device can have computed up to a cut; what idles from then on has idled at least so long. */
function soonestOf({ layout, cuts, devices, codecs, segments, hops, ...tables }: Tables): Float64Array {
  const width = layout.columns.length;
  const { latency } = layout;
  const soonest = new Float64Array(devices * cuts).fill(Infinity);
  soonest[0] = 0;
  const whole = { layout, cuts, devices, codecs, segments, hops, ...tables };
  for (let device = 0; device < devices; device++) {
    const table = segments[device] as Float64Array;
    const arrival = new Float64Array(cuts).fill(Infinity);
    if (device === 0) arrival[0] = 0;
    for (let cut = 0; cut < cuts - 1; cut++) {
      for (let from = 0; from < device; from++) {
        for (let codec = 0; codec < codecs; codec++) {
          const step = hopAt(whole, from, device, codec, cut);
          if (hops[step] === Infinity) continue;
          const at = (soonest[from * cuts + cut] as number) + (hops[step + latency] as number);
          if (at < (arrival[cut] as number)) arrival[cut] = at;
        }
      }
    }
    for (let to = 1; to < cuts; to++) {
      for (let from = 0; from < to; from++) {
        const step = (to * cuts + from) * width;
        if (table[step] === Infinity) continue;
        const at = (arrival[from] as number) + (table[step + latency] as number);
        if (at < (soonest[device * cuts + to] as number)) soonest[device * cuts + to] = at;
      }
    }
  }
  return soonest;
}
