import { asCutpointError, type CancelSignal, CutpointError } from '@cutpoint/core';
import { answerProbe, type IncomingRequest, probeMethod, type RequestHandler } from '@cutpoint/wire';
import type { EmbeddingTable } from '../../decode/embedding-table.js';
import { openEmbedding } from '../../decode/open-embedding.js';
import type { LayerRange } from '../../graph/range.js';
import { modelIdentity } from '../../package/model-identity.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { readPackage } from '../../package/read-package.js';
import { widthOfLayers } from '../../package/width-of-layers.js';
import { samplingOf } from '../../text/sampling.js';
import type { TableSource } from '../crossing-codecs.js';
import { manifestHash } from '../manifest-hash.js';
import { PassReader } from '../pass-message.js';
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
  tableSchema,
  unpacked,
} from '../split-protocol.js';
import { ClientSequences, type SequenceLimits } from './client-sequences.js';
import { HostedSequence, sequenceLost } from './hosted-sequence.js';
import { RangeStore, type RangeStoreOptions } from './range-store.js';
import { runPass } from './run-pass.js';
import { TableStore } from './table-store.js';

export interface DecoderHostOptions extends SequenceLimits, RangeStoreOptions {
  /** The only cut that is served, opened at once. Default: any, opened when it is first asked for. */
  readonly at?: number | undefined;
  /** Its own tables of codecs. Default: none. */
  readonly tables?: TableSource;
  /** Tables that agents send are kept up to so many bytes of files; 0: none is taken. */
  readonly maxSentTableBytes: number;
}

/** The server's part of language models that are cut in two: the layers behind the cut, for the sequences of many agents. */
export class DecoderHost implements AsyncDisposable {
  readonly handler: RequestHandler = (request) => this.#answer(request);
  readonly #options: DecoderHostOptions;
  readonly #embedding: EmbeddingTable;
  readonly #ranges: RangeStore;
  readonly #tables: TableStore;
  readonly #sequences: ClientSequences;

  private constructor(
    readonly manifest: PackageManifest,
    readonly manifestHash: string,
    { embedding, ranges, tables }: { embedding: EmbeddingTable; ranges: RangeStore; tables: TableStore },
    options: DecoderHostOptions,
  ) {
    this.#embedding = embedding;
    this.#ranges = ranges;
    this.#tables = tables;
    this.#options = options;
    this.#sequences = new ClientSequences(options);
  }

  /**
   * Opens a package, and the layers behind the cut where only one is served.
   * @throws CutpointError what `readPackage`, `options.tables`, `openEmbedding` and `RangeStore.take` throw,
   * CUT_ILLEGAL_CUT.
   */
  static async open(folder: string, options: DecoderHostOptions): Promise<DecoderHost> {
    const made = await readPackage(folder);
    const hash = await manifestHash(folder);
    const { manifest } = made;
    const own = (await options.tables?.(modelIdentity(manifest))) ?? new Map();
    const tables = new TableStore(manifest, own, options.maxSentTableBytes);
    const embedding = await openEmbedding(folder, manifest);
    const parts = { embedding, ranges: new RangeStore(made, options), tables };
    const host = new DecoderHost(manifest, hash, parts, options);
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
      case splitMethods.table:
        this.#tables.take(readMeta(tableSchema, meta, method).name, unpacked(request.tensors));
        return {};
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
    const { client, split, tables = [] } = readMeta(describeSchema, meta, method);
    if (client !== undefined) this.#sequences.meet(remote, closed, client);
    if (split !== undefined) await this.#prepare(split, signal);
    const { manifest } = this;
    const { name, config, layers } = manifest;
    const at = this.#options.at ?? null;
    const width = widthOfLayers(layers.slice(split?.at ?? at ?? 0));
    const missingTables = [...this.#tables.missing(tables)];
    return {
      languageModel: { name, identity: modelIdentity(manifest), layers: config.layers, at, width, missingTables },
    };
  }

  async #prepare(split: Split, signal?: CancelSignal): Promise<void> {
    this.#tables.codecsOf(split);
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
        const requireCache = (moreBytes: number) => this.#sequences.requireCacheBytes(moreBytes);
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
    using place = this.#sequences.reserve(remote, number);
    const codecs = this.#tables.codecsOf(settings);
    const lease = await this.#ranges.take(this.#rangeOf(settings), signal);
    place.fill(new HostedSequence(lease, settings, codecs));
  }

  async #clone({ meta, method, remote, signal }: IncomingRequest): Promise<void> {
    const { from, into, tokens } = readMeta(cloneSchema, meta, method);
    const source = this.#sequences.get(remote, from);
    await source.inTurn(async () => {
      using place = this.#sequences.reserve(remote, into);
      const lease = await this.#ranges.take(source.lease.range.range, signal);
      try {
        if (lease.range !== source.lease.range) throw sequenceLost('its worker died');
        source.requireHeld(tokens);
        this.#sequences.requireCacheBytes(source.cacheBytesOf(tokens));
      } catch (thrown) {
        lease[Symbol.dispose]();
        throw thrown;
      }
      place.fill(new HostedSequence(lease, source.settings, source.codecs, { sequence: source, tokens }));
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

/** @throws CutpointError CUT_USAGE for a choice of tokens that there is not. */
function checked(settings: SequenceSettings): SequenceSettings {
  const { choice, private: hides } = settings;
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
  const { at, codec, answerCodec, private: hides } = sequence.settings;
  const sameCodecs = settings.codec === codec && settings.answerCodec === answerCodec;
  if (settings.at !== at || settings.private !== hides || !sameCodecs) {
    throw new CutpointError('CUT_INPUT', 'A sequence stays with its cut and its codec: begin another one.');
  }
  sequence.settings = settings;
}
