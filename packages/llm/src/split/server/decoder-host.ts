import { asCutpointError, type CancelSignal, CutpointError } from '@cutpoint/core';
import { answerProbe, type IncomingRequest, probeMethod, type RequestHandler } from '@cutpoint/wire';
import { EmbeddingTable } from '../../decode/embedding-table.js';
import type { LayerRange } from '../../graph/range.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { readPackage } from '../../package/read-package.js';
import { samplingOf } from '../../text/sampling.js';
import { manifestHash } from '../manifest-hash.js';
import { PassReader } from '../pass-message.js';
import { requireSplitCodec } from '../split-codec.js';
import {
  type About,
  cloneSchema,
  describeSchema,
  dropSchema,
  packed,
  readMeta,
  type SequenceSettings,
  type Split,
  sequenceSchema,
  splitMethods,
  unpacked,
} from '../split-protocol.js';
import { ClientSequences, type SequenceLimits } from './client-sequences.js';
import { HostedSequence, sequenceLost } from './hosted-sequence.js';
import { RangeStore, type RangeStoreOptions } from './range-store.js';
import { runPass } from './run-pass.js';

export interface DecoderHostOptions extends SequenceLimits, RangeStoreOptions {
  /** The only cut that is served, opened at once. Default: any, opened when it is first asked for. */
  readonly at?: number | undefined;
}

/** The server's part of language models that are cut in two: the layers behind the cut, for the sequences of many agents. */
export class DecoderHost implements AsyncDisposable {
  readonly handler: RequestHandler = (request) => this.#answer(request);
  readonly #options: DecoderHostOptions;
  readonly #embedding: EmbeddingTable;
  readonly #ranges: RangeStore;
  readonly #sequences: ClientSequences;

  private constructor(
    readonly manifest: PackageManifest,
    readonly manifestHash: string,
    embedding: EmbeddingTable,
    ranges: RangeStore,
    options: DecoderHostOptions,
  ) {
    this.#embedding = embedding;
    this.#ranges = ranges;
    this.#options = options;
    this.#sequences = new ClientSequences(options);
  }

  /**
   * Opens a package, and the layers behind the cut where only one is served.
   * @throws CutpointError what `readPackage`, `EmbeddingTable.open` and `RangeStore.take` throw, CUT_ILLEGAL_CUT.
   */
  static async open(folder: string, options: DecoderHostOptions): Promise<DecoderHost> {
    const made = await readPackage(folder);
    const hash = await manifestHash(folder);
    const embedding = await EmbeddingTable.open(folder, made.manifest);
    const host = new DecoderHost(made.manifest, hash, embedding, new RangeStore(made, options), options);
    try {
      if (options.at !== undefined) await host.#prepare({ at: options.at, private: false, codec: 'raw' });
      return host;
    } catch (thrown) {
      await host[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** How much is under way. */
  get counts(): { readonly sequences: number; readonly ranges: number } {
    return { sequences: this.#sequences.count, ranges: this.#ranges.open };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sequences[Symbol.dispose]();
    await this.#ranges[Symbol.asyncDispose]();
    await this.#embedding[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingRequest): ReturnType<RequestHandler> {
    const { method, meta, remote } = request;
    switch (method) {
      case splitMethods.decode:
        return { tensors: packed(await this.#decode(request)) };
      case splitMethods.describe:
        return { meta: await this.#describe(request) };
      case splitMethods.clone:
        await this.#clone(request);
        return {};
      case splitMethods.drop:
        this.#sequences.drop(remote, readMeta(dropSchema, meta, method).sequence);
        return {};
      case probeMethod:
        return answerProbe({ meta });
      default: {
        const known = [...Object.values(splitMethods), probeMethod].join(', ');
        throw new CutpointError(
          'CUT_USAGE',
          `A server of a language model has no method "${method}": it has ${known}.`,
        );
      }
    }
  }

  async #describe({ meta, method, remote, closed, signal }: IncomingRequest): Promise<About> {
    const { client, split } = readMeta(describeSchema, meta, method);
    if (client !== undefined) this.#sequences.meet(remote, closed, client);
    if (split !== undefined) await this.#prepare(split, signal);
    const { manifest, manifestHash: hash } = this;
    const { layers } = manifest.config;
    return { languageModel: { name: manifest.name, manifest: hash, layers, at: this.#options.at ?? null } };
  }

  async #prepare(split: Split, signal?: CancelSignal): Promise<void> {
    using _ = await this.#ranges.take(this.#rangeOf(split), signal);
  }

  async #decode({ meta, method, tensors, remote, signal }: IncomingRequest): Promise<Uint8Array<ArrayBuffer>> {
    const reader = new PassReader(unpacked(tensors));
    const settings = 'at' in meta ? checked(readMeta(sequenceSchema, meta, method)) : undefined;
    if (settings !== undefined && reader.base === 0) await this.#begin(remote, reader.sequence, settings, signal);
    const sequence = this.#sequences.get(remote, reader.sequence);
    try {
      return await sequence.inTurn(async () => {
        if (settings !== undefined) renew(sequence, settings);
        const requireCache = (of: HostedSequence, tokens: number) => this.#sequences.requireCache(of, tokens);
        return await runPass(sequence, reader, { embedding: this.#embedding, requireCache }, signal);
      });
    } catch (thrown) {
      const { code } = asCutpointError(thrown, 'CUT_INTERNAL');
      if (code === 'CUT_WORKER_DIED') {
        this.#sequences.drop(remote, reader.sequence);
        await this.#ranges.discard(sequence.lease);
      }
      throw thrown;
    }
  }

  /** A new sequence in place of one that had its number. */
  async #begin(remote: object, number: number, settings: SequenceSettings, signal: CancelSignal): Promise<void> {
    if (!this.#sequences.has(remote, number)) this.#sequences.requireRoom(remote);
    const lease = await this.#ranges.take(this.#rangeOf(settings), signal);
    this.#sequences.set(remote, number, new HostedSequence(lease, settings));
  }

  async #clone({ meta, method, remote, signal }: IncomingRequest): Promise<void> {
    const { from, into, tokens } = readMeta(cloneSchema, meta, method);
    const source = this.#sequences.get(remote, from);
    await source.inTurn(async () => {
      source.requireHeld(tokens);
      if (!this.#sequences.has(remote, into)) this.#sequences.requireRoom(remote);
      const lease = await this.#ranges.take(source.lease.range.range, signal);
      if (lease.range !== source.lease.range) {
        lease[Symbol.dispose]();
        throw sequenceLost('its worker died');
      }
      const clone = new HostedSequence(lease, source.settings, { sequence: source, tokens });
      this.#sequences.set(remote, into, clone);
    });
  }

  /** @throws CutpointError CUT_ILLEGAL_CUT for a cut that the model has not, or the server does not serve. */
  #rangeOf({ at, private: hides }: Split): LayerRange {
    const { layers } = this.manifest.config;
    const { at: only } = this.#options;
    if (only !== undefined && at !== only) {
      const message = `The server was started for the cut at ${only}, not at ${at}: use the same --at, or start it without.`;
      throw new CutpointError('CUT_ILLEGAL_CUT', message);
    }
    if (at < layers) return { from: at, to: layers, head: !hides };
    const message = `A server runs layers behind the cut, but there are none behind ${at}: the model has ${layers}.`;
    throw new CutpointError('CUT_ILLEGAL_CUT', message);
  }
}

/** @throws CutpointError CUT_USAGE for a codec or a choice of tokens that there is not. */
function checked(settings: SequenceSettings): SequenceSettings {
  const { codec, choice, private: hides } = settings;
  requireSplitCodec(codec);
  if ((choice === null) !== hides) {
    throw new CutpointError(
      'CUT_INPUT',
      'The server chooses tokens, unless the split is private: say how, or hide them.',
    );
  }
  return choice === null ? settings : { ...settings, choice: { ...choice, sampling: samplingOf(choice.sampling) } };
}

/** Only the choice of tokens may change while a sequence goes on. */
function renew(sequence: HostedSequence, settings: SequenceSettings): void {
  const { at, codec, private: hides } = sequence.settings;
  if (settings.at !== at || settings.codec !== codec || settings.private !== hides) {
    throw new CutpointError('CUT_INPUT', 'A sequence stays with its cut and its codec: begin another one.');
  }
  sequence.settings = settings;
}
