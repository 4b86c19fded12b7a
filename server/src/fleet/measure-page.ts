import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentStore, DeviceFacts, DeviceId, Fleet, Hold } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { placeFile } from '@cutpoint/fleet';
import { type DeviceProfile, parseLinkProfile } from '@cutpoint/plan';
import type { ProfileElsewhere, RemoteBatch, RemoteFile, RemoteTimes } from '@cutpoint/profile';
import { z } from 'zod';
import type { AskOptions, Measurer, Profiled, ProfiledModel } from './ask-measurements.js';

export interface PageMeasurerOptions {
  readonly fleet: Pick<Fleet, 'device' | 'command'>;
  /** What this server is called: a page has a link to it alone. */
  readonly self: DeviceId;
  readonly content: ContentStore;
  /** For models while they are profiled; on the file system of the content store. */
  readonly scratch: string;
  /** Where profiles are kept for the next time. */
  readonly profiles: string;
}

/** Loading segments and running them some times, on a phone. */
const batchMs = 180_000;
const answerMs = 15_000;
const linkMs = 3_000;
/** What WebAssembly can hold at most: most browsers do not tell what the machine has. */
const mostMemoryBytes = 2 ** 32;
/** Seconds, not minutes: a person waits for the plan. */
const budgetMs = 5_000;

const runtime = z.object({
  name: z.string().max(100),
  version: z.string().max(100),
  provider: z.string().max(100),
  threads: z.int().positive().max(1024),
});
const times = z.array(z.number().nonnegative().max(1e9)).max(1000);
const remoteTimes = z.object({
  loadMs: z.object({ whole: z.number().nonnegative(), segments: times }),
  referenceMs: times.min(1),
  ratios: z.array(times).max(3),
  drift: z.number().nonnegative(),
});

/**
 * A measurer that knows pages as well: these hold no model and answer no wire, so this server makes the segments, and commands a page to
 * time them and to probe its link.
 */
export function withPages(daemons: Measurer, options: PageMeasurerOptions): Measurer {
  const { fleet, self } = options;
  const isPage = (device: DeviceId) => fleet.device(device)?.facts.browser !== undefined;
  return {
    async profile(device, model, ask) {
      const facts = fleet.device(device)?.facts;
      if (facts?.browser === undefined) return await daemons.profile(device, model, ask);
      return await profilePage({ device, facts, model, ask }, options);
    },
    async link(from, to, signal) {
      if (!isPage(from) && !isPage(to)) return await daemons.link(from, to, signal);
      if (!isPage(from) || to !== self)
        throw new CutpointError(
          'CUT_UNREACHABLE',
          `A page reaches the server ${self} alone, and nobody reaches a page.`,
        );
      const probe = { kind: 'probe-link', probeMs: linkMs } as const;
      const lines = await fleet.command(from, probe, { budgetMs: linkMs + answerMs, signal });
      return { via: 'the socket of the page', profile: parseLinkProfile(jsonOf(from, lines)) };
    },
  };
}

interface PageJob {
  readonly device: DeviceId;
  readonly facts: DeviceFacts;
  readonly model: ProfiledModel;
  readonly ask: AskOptions;
}

async function profilePage({ device, facts, model, ask }: PageJob, options: PageMeasurerOptions): Promise<Profiled> {
  const { fleet, scratch, profiles } = options;
  const { signal, onProgress } = ask;
  const own = parsed(
    device,
    runtime,
    await fleet.command(device, { kind: 'describe-runtime' }, { budgetMs: answerMs, signal }),
  );
  const { profileModel, statedPower } = await import('@cutpoint/profile');
  const { power, basis } = statedPower(facts.platform);
  const notes = [
    `A page tells neither its watts (${basis}) nor its memory, which is taken to be what this server needs.`,
  ];
  await using files = new HeldFiles(options.content);
  const time = (batch: RemoteBatch) => timeOn(device, batch, { files, fleet, signal });
  const elsewhere: ProfileElsewhere = {
    device: { ...profileOf(device, facts), providers: [own.provider], power },
    runtime: own,
    time,
  };
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, 'page-'));
  try {
    for (const { path, hash } of model.files) await placeFile(await files.hold(hash), join(folder, path));
    const profile = await profileModel(join(folder, model.files[0]?.path ?? ''), {
      dims: new Map(Object.entries(model.dims)),
      ...{ elsewhere, quick: true, budgetMs, cacheFolder: profiles, signal, onProgress },
      onNote: (note) => notes.push(note),
    });
    return { profile, notes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function profileOf(
  device: DeviceId,
  { platform, cores, memoryBytes, browser }: DeviceFacts,
): Omit<DeviceProfile, 'power' | 'providers'> {
  const { name = 'browser', gpu } = browser ?? {};
  const cpu = gpu === undefined ? name : `${name}, GPU ${gpu}`;
  return {
    name: device,
    os: platform.slice(0, 200),
    arch: 'wasm',
    cpu: cpu.slice(0, 200),
    cores: Math.max(1, cores),
    memoryBytes: Math.min(memoryBytes || mostMemoryBytes, mostMemoryBytes),
    instructionSets: [],
  };
}

async function timeOn(
  device: DeviceId,
  { whole, segments, inputs, rounds }: RemoteBatch,
  { files, fleet, signal }: { files: HeldFiles; fleet: PageMeasurerOptions['fleet']; signal: AbortSignal },
): Promise<RemoteTimes> {
  const offer = async ({ model, outputs }: RemoteFile) => {
    const { hash, bytes } = await files.put(model);
    return { hash, bytes, outputs: [...outputs] };
  };
  const named = { whole: await offer(whole), segments: await Promise.all(segments.map(offer)) };
  const specs = inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  const action = { kind: 'time-segments', ...named, rounds, inputs: specs } as const;
  const found = parsed(device, remoteTimes, await fleet.command(device, action, { budgetMs: batchMs, signal }));
  if (found.ratios.length !== segments.length || found.loadMs.segments.length !== segments.length)
    throw unreadable(device);
  return found;
}

/** Files that stay in the content store until this is disposed. */
class HeldFiles implements AsyncDisposable {
  readonly #content: ContentStore;
  readonly #holds: Hold[] = [];
  readonly #put = new Map<Uint8Array, Promise<Hold>>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  /** @throws CutpointError CUT_NOT_FOUND */
  async hold(hash: Hold['hash']): Promise<Hold> {
    const hold = await this.#content.hold(hash);
    if (hold === undefined)
      throw new CutpointError('CUT_NOT_FOUND', `The file ${hash} is not here any more: plan again.`);
    this.#holds.push(hold);
    return hold;
  }

  put(bytes: Uint8Array): Promise<Hold> {
    const known = this.#put.get(bytes) ?? this.#store(bytes);
    this.#put.set(bytes, known);
    return known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hold of this.#holds) hold[Symbol.dispose]();
  }

  async #store(bytes: Uint8Array): Promise<Hold> {
    async function* once() {
      yield bytes;
    }
    const hold = await this.#content.put(once(), { maxBytes: bytes.length });
    this.#holds.push(hold);
    return hold;
  }
}

function parsed<T>(device: DeviceId, schema: z.ZodType<T>, lines: readonly string[]): T {
  const { data } = schema.safeParse(jsonOf(device, lines));
  if (data === undefined) throw unreadable(device);
  return data;
}

/** What a page answers is JSON, cut into lines. */
function jsonOf(device: DeviceId, lines: readonly string[]): unknown {
  try {
    return JSON.parse(lines.join(''));
  } catch {
    throw unreadable(device);
  }
}

function unreadable(device: DeviceId): CutpointError {
  return new CutpointError(
    'CUT_WIRE_MALFORMED',
    `What the page ${device} says it measured cannot be read: load the page again.`,
  );
}
