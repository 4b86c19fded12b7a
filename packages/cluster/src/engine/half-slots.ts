import { readFile } from 'node:fs/promises';
import { asCutpointError, type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import { serialiseModel } from '@cutpoint/graph';
import type { PassingHalf } from '../window/half-layer.js';
import { type HalfOptions, type HalfSession, halfGraph, openHalf, type Shard } from './half-sessions.js';
import { type GraphInFolder, HalfSlot } from './half-slot.js';
import { randomHalfFeeds } from './random-half-feeds.js';
import { ReorderedFiles } from './reordered-files.js';

/** A slot for each shape that several half layers of a shard have; through these pass those that do not stay. */
export class HalfSlots implements AsyncDisposable {
  readonly #slots: readonly HalfSlot[];
  /** By half layer; none of one whose shape no other has. */
  readonly #slotOf: ReadonlyMap<number, HalfSlot>;
  readonly #files: ReorderedFiles;

  private constructor(slots: readonly HalfSlot[], slotOf: ReadonlyMap<number, HalfSlot>, files: ReorderedFiles) {
    this.#slots = slots;
    this.#slotOf = slotOf;
    this.#files = files;
  }

  /**
   * Opens them, makes the files that are read into them if they are not there yet, and tries each with two half layers.
   * @returns a sentence instead where this machine cannot have them: what passes is then opened each time. @throws CutpointError CUT_CANCELLED
   */
  static async open(shard: Shard, options: HalfOptions, signal?: CancelSignal): Promise<HalfSlots | string> {
    if (process.platform !== 'linux') return 'Only Linux shows in a session what is written to its weights.';
    let slots: HalfSlots | undefined;
    try {
      slots = await HalfSlots.#open(shard, options, signal);
      const differing = await slots.#differing(shard, options, signal);
      if (differing === undefined) return slots;
      await slots[Symbol.asyncDispose]();
      return `Half layer ${differing} computes otherwise where it is written over another.`;
    } catch (thrown) {
      await slots?.[Symbol.asyncDispose]();
      throwIfCancelled(signal);
      return asCutpointError(thrown, 'CUT_LOAD').message;
    }
  }

  /** Memory of all. */
  get bytes(): number {
    return this.#slots.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get count(): number {
    return this.#slots.length;
  }

  /** How a half layer is read and run for a while, until another of its shape is; undefined of one whose shape no other has. */
  passing(half: number): PassingHalf<HalfSession> | undefined {
    const slot = this.#slotOf.get(half);
    if (slot === undefined) return undefined;
    return {
      path: this.#files.pathOf(half),
      span: { offset: 0, bytes: slot.weightBytes },
      open: async (weights) => {
        slot.fill(weights);
        return { run: slot.session.run.bind(slot.session), release: async () => {} };
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const slot of this.#slots) await slot[Symbol.asyncDispose]();
  }

  static async #open(shard: Shard, options: HalfOptions, signal: CancelSignal | undefined): Promise<HalfSlots> {
    const { folder, manifest } = shard;
    const graphOf = (half: number): GraphInFolder => {
      return { folder, bytes: manifest.halves[half]?.bytes ?? 0, graph: halfGraph(shard, half, options) };
    };
    const slots: HalfSlot[] = [];
    const slotOf = new Map<number, HalfSlot>();
    try {
      for (const [first, ...others] of shapesOf(shard, options)) {
        if (first === undefined || others.length === 0) continue;
        const slot = await HalfSlot.open(graphOf(first), options.threads);
        slots.push(slot);
        for (const half of [first, ...others]) slotOf.set(half, slot);
      }
      const files = new ReorderedFiles(folder);
      const wanted = [...slotOf].map(([half, { weightBytes }]) => ({ half, of: graphOf(half), bytes: weightBytes }));
      await files.complete(wanted, options.threads, signal);
      return new HalfSlots(slots, slotOf, files);
    } catch (thrown) {
      for (const slot of slots) await slot[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** A half layer that does not compute in its slot, written over another, what it does by itself; undefined if all that are tried do. */
  async #differing(shard: Shard, options: HalfOptions, signal: CancelSignal | undefined): Promise<number | undefined> {
    for (const slot of this.#slots) {
      const halves = [...this.#slotOf.keys()].filter((half) => this.#slotOf.get(half) === slot);
      for (const half of [halves.at(-1), halves.at(0)]) {
        throwIfCancelled(signal);
        if (half !== undefined && !(await this.#isItself(half, slot, shard, options))) return half;
      }
    }
    return undefined;
  }

  async #isItself(half: number, slot: HalfSlot, shard: Shard, options: HalfOptions): Promise<boolean> {
    const feeds = randomHalfFeeds(shard, half, options);
    const own = await openHalf(shard, half, options);
    try {
      slot.fill(await readFile(this.#files.pathOf(half)));
      const [wanted, given] = [await own.run(feeds), await slot.session.run(feeds)];
      return own.outputNames.every((name) => sameBytes(wanted[name]?.data, given[name]?.data));
    } finally {
      await own.release();
    }
  }
}

/** The half layers of a shard whose graphs differ in weights only, together. */
function shapesOf(shard: Shard, options: HalfOptions): number[][] {
  const shapes = new Map<string, number[]>();
  for (const half of shard.manifest.halves.keys()) {
    const graph = serialiseModel(halfGraph(shard, half, options, 'weights'));
    const shape = Buffer.from(graph).toString('latin1');
    const alike = shapes.get(shape) ?? [];
    alike.push(half);
    shapes.set(shape, alike);
  }
  return [...shapes.values()];
}

function sameBytes(a: unknown, b: unknown): boolean {
  if (!(a instanceof Float32Array) || !(b instanceof Float32Array)) return false;
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}
