import type { Bounds } from './bounds.js';
import type { KnownPlans } from './known-plans.js';
import { LabelSet, unwanted, wanted } from './label-set.js';
import { LabelStore } from './labels.js';
import { Places } from './places.js';
import { hopAt, type Tables } from './tables.js';

/** Adding up in another order changes the last bits; bounds leave room for that. */
const roundingDown = 1 - 1e-12;
const roundingUp = 1 + 1e-9;

/** Via which a label came; codecs are 0 and up. */
export const viaSegment = -1;
const viaStart = -2;

/** From so many labels on, all known plans are asked about what they have at least, before each is looked at. */
const manyLabels = 16;

export interface SearchOptions {
  /** Cuts that may be used, ascending, with the first and the last. */
  readonly cutList: readonly number[];
  readonly mostEnergyJ: number;
  readonly mostTies: number;
  /** A label within this factor of another goes as well; 1 is exact. */
  readonly factor: number;
}

export interface SearchResult {
  readonly store: LabelStore;
  /** Labels of complete plans in the store: the front, with columns in the order of the chosen ones. */
  readonly front: LabelStore;
  readonly tiesLost: boolean;
}

/**
 * Dynamic programming over labels, device by device. A label at `decide(d, i)` has the tensors of cut i at device d; one at
 * `done(d, i)` has computed up to cut i there. A device's labels are complete before the next device pulls from them.
 */
export class Search {
  readonly store: LabelStore;
  readonly front: LabelStore;
  private readonly set: LabelSet;
  private readonly complete: LabelSet;
  private readonly width: number;
  /** As in `placeOf`. */
  private readonly places: Places;
  /** What is being filled: costs of completing it at least, where they lie, and whether it is complete. */
  private rest: Float64Array = new Float64Array(0);
  private state = 0;
  private whole = false;
  private readonly label: Float64Array;
  private readonly bound: Float64Array;
  /** By column of which the largest counts: no plan has less. */
  private readonly floor: Float64Array;

  constructor(
    private readonly tables: Tables,
    private readonly bounds: Bounds,
    /** Is asked and told. */
    private readonly known: KnownPlans,
    private readonly options: SearchOptions,
  ) {
    const { layout, cuts, devices } = tables;
    const { mostTies, factor } = options;
    this.width = layout.columns.length;
    this.store = new LabelStore(this.width);
    this.front = new LabelStore(layout.chosen.length);
    const slack = factor === 1 ? undefined : layout.limits.map((limit) => (limit < Infinity ? 1 : factor));
    this.set = new LabelSet(this.store, this.width, layout.strict, mostTies, slack);
    this.complete = new LabelSet(this.front, layout.chosen.length, layout.chosen.length, mostTies, undefined);
    this.places = new Places(devices * cuts * 2, this.width);
    this.label = new Float64Array(this.width);
    this.bound = new Float64Array(layout.chosen.length);
    this.floor = Float64Array.from({ length: this.width }, (_, c) =>
      c < layout.sums ? 0 : Math.min(bounds.decide[c] as number, bounds.done[c] as number),
    );
  }

  run(): SearchResult {
    const { cuts, devices } = this.tables;
    for (let device = 0; device < devices; device++) {
      if (device === 0) this.start();
      else for (const cut of this.options.cutList) if (cut < cuts - 1) this.decideAt(device, cut);
      for (const cut of this.options.cutList) if (cut > 0) this.doneAt(device, cut);
    }
    this.complete.flush(0);
    return { store: this.store, front: this.front, tiesLost: this.set.tiesLost || this.complete.tiesLost };
  }

  /** The input is at the first device, which computes, or passes it on. */
  private start(): void {
    for (const done of [false, true]) {
      this.label.fill(0);
      this.aimAt(done ? this.bounds.done : this.bounds.decide, 0, false);
      if (this.accepts()) this.keep(-1, viaStart, 1);
      this.close(this.placeOf(0, 0, done));
    }
  }

  private decideAt(device: number, cut: number): void {
    const { tables, width } = this;
    const { hops, idleW, cuts } = tables;
    this.aimAt(this.bounds.decide, (device * cuts + cut) * width, false);
    if (this.rest[this.state] !== Infinity) {
      for (let from = 0; from < device; from++) {
        const joinedW = (idleW[device] as number) - (idleW[from] as number);
        for (let codec = 0; codec < tables.codecs; codec++) {
          const step = hopAt(tables, from, device, codec, cut);
          this.pull(this.placeOf(from, cut, true), hops, step, joinedW, codec);
        }
      }
    }
    this.close(this.placeOf(device, cut, false));
  }

  private doneAt(device: number, cut: number): void {
    const { cuts, segments } = this.tables;
    this.aimAt(this.bounds.done, (device * cuts + cut) * this.width, cut === cuts - 1);
    if (this.rest[this.state] === Infinity) return;
    for (const from of this.options.cutList) {
      if (from >= cut) break;
      const step = (cut * cuts + from) * this.width;
      const source = this.placeOf(device, from, false);
      this.pull(source, segments[device] as Float64Array, step, 0, viaSegment);
    }
    this.close(this.placeOf(device, cut, true));
  }

  private aimAt(rest: Float64Array, state: number, whole: boolean): void {
    this.rest = rest;
    this.state = state;
    this.whole = whole;
  }

  /**
   * Takes the labels of a place over a step, a segment or a hop, and keeps those that can still end on the front. What
   * they have at least in common goes first: most go at once.
   */
  private pull(source: number, steps: Float64Array, step: number, joinedW: number, via: number): void {
    const { store, places, width } = this;
    const first = places.begin[source] as number;
    const last = places.end[source] as number;
    if (first === last || steps[step] === Infinity) return;
    // Where a device joins that draws less, the least costs of several labels are none of a sum.
    if (last - first > 1 && joinedW >= 0) {
      this.add(places.least, source * width, steps, step, joinedW);
      if (!this.accepts() || (last - first > manyLabels && this.known.beat(this.bound))) return;
    }
    for (let k = first; k < last; k++) {
      this.add(store.values, k * width, steps, step, joinedW);
      if (!this.accepts()) continue;
      if (this.whole) this.finish(k, store.ways[k] as number);
      else this.keep(k, via, store.ways[k] as number);
    }
  }

  /** A complete plan: the label is its costs. */
  private finish(from: number, ways: number): void {
    if (!this.keepsLimits(this.label)) return;
    const chosen = this.chosenOf(this.label);
    const found = this.complete.find(chosen);
    if (found === unwanted) return;
    this.complete.add(chosen, found, from, viaSegment, ways);
    this.known.add(chosen);
  }

  /** Keeps an accepted label. Few known plans beat most labels; the others are asked last. */
  private keep(from: number, via: number, ways: number): void {
    const found = this.set.find(this.label);
    if (found === unwanted || (found === wanted && this.known.beat(this.bound))) return;
    this.set.add(this.label, found, from, via, ways);
  }

  /** `joinedW`: what devices that join have drawn more, since the request began, than those whose place they take. */
  private add(values: Float64Array, at: number, steps: Float64Array, step: number, joinedW: number): void {
    const { width, label } = this;
    const { sums, energy, latency } = this.tables.layout;
    for (let c = 0; c < sums; c++) label[c] = (values[at + c] as number) + (steps[step + c] as number);
    for (let c = sums; c < width; c++) {
      const own = steps[step + c] as number;
      const before = values[at + c] as number;
      label[c] = own > before ? own : before;
    }
    if (joinedW !== 0 && energy >= 0)
      label[energy] = (label[energy] as number) + joinedW * (values[at + latency] as number);
  }

  /**
   * Whether the label can still end on the front, given what completing it costs at least (`rest` from `state` on). Raises the
   * columns of which the largest counts to what every completion reaches anyway, so that labels become equal.
   */
  private accepts(): boolean {
    const { label, bound, floor, width, rest, state: at } = this;
    const { sums, strict, limits } = this.tables.layout;
    let chosen = 0;
    for (let c = 0; c < sums; c++) {
      const own = label[c] as number;
      const total = own + (rest[at + c] as number);
      if (total > (limits[c] as number) * roundingUp) return false;
      if (c < strict) {
        const least = total * roundingDown;
        bound[chosen++] = least > own ? least : own;
      }
    }
    for (let c = sums; c < width; c++) {
      let most = label[c] as number;
      if ((rest[at + c] as number) > most) most = rest[at + c] as number;
      if ((floor[c] as number) > most) most = floor[c] as number;
      label[c] = most;
      bound[chosen++] = most;
    }
    return !this.known.beatLately(bound);
  }

  private close(place: number): void {
    const first = this.store.size;
    this.set.flush(place);
    this.places.close(place, this.store, first);
  }

  /** The sums' limits, exactly; steps over the other limits are not in the tables. */
  private keepsLimits(totals: Float64Array): boolean {
    const { limits, energy, sums } = this.tables.layout;
    for (let c = 0; c < sums; c++) {
      if (
        c === energy
          ? (totals[c] as number) / 1000 > this.options.mostEnergyJ
          : (totals[c] as number) > (limits[c] as number)
      ) {
        return false;
      }
    }
    return true;
  }

  private chosenOf(totals: Float64Array): Float64Array {
    const { chosen } = this.tables.layout;
    const { bound } = this;
    for (let i = 0; i < chosen.length; i++) bound[i] = totals[chosen[i] as number] as number;
    return bound;
  }

  private placeOf(device: number, cut: number, done: boolean): number {
    return (device * this.tables.cuts + cut) * 2 + (done ? 1 : 0);
  }
}
