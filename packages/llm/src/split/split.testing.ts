import { randomUUID } from 'node:crypto';
import { type Listener, listen } from '@cutpoint/wire';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { Decoder } from '../decode/decoder.js';
import { type GenerateRequest, generate } from '../decode/generate.js';
import { randomFloats, type TemporaryPackage, temporaryPackage } from '../decode/random-package.testing.js';
import type { TokenDecoder } from '../decode/token-decoder.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { openSplitDecoder, type SplitDecoderOptions } from './agent/open-split-decoder.js';
import { DecoderHost, type DecoderHostOptions } from './server/decoder-host.js';

/** Three layers, so that there is more than one cut between layers. */
export const threeLayers: DecoderConfig = {
  ...smallConfig,
  layers: 3,
  attention: [0, 0, 0].map((rope) => ({ rope, windowTokens: null })),
  endTokens: [],
};

export const hostOptions: DecoderHostOptions = {
  threads: 1,
  cache: 'f32',
  maxRanges: 8,
  maxSequences: 16,
  maxSequencesPerClient: 8,
  maxCacheBytes: 1e9,
  idleMs: 60_000,
  graceMs: 60_000,
  maxSentTableBytes: 1e7,
};

/** A server of a package in this process, on an address of its own or a given one. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly host: DecoderHost;
  readonly listener: Listener;
}

export async function serveHere(
  folder: string,
  options: Partial<DecoderHostOptions> = {},
  url = `memory:${randomUUID()}`,
): Promise<TestServer> {
  const host = await DecoderHost.open(folder, { ...hostOptions, ...options });
  const listener = await listen({ url, handler: host.handler });
  return {
    url: listener.url,
    host,
    listener,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** A package of random weights, with its whole decoder and one server. */
export class SplitBench implements AsyncDisposable {
  private constructor(
    readonly made: TemporaryPackage,
    readonly whole: Decoder,
    readonly server: TestServer,
  ) {}

  static async open(options: Partial<DecoderHostOptions> = {}): Promise<SplitBench> {
    const made = await temporaryPackage(randomFloats(threeLayers, 5));
    const whole = await Decoder.open(made.folder, made.manifest);
    return new SplitBench(made, whole, await serveHere(made.folder, options));
  }

  async split(options: Partial<SplitDecoderOptions> & { readonly at: number }): Promise<TokenDecoder> {
    const { folder, manifest } = this.made;
    return await openSplitDecoder(folder, manifest, { servers: [{ url: this.server.url }], ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.whole[Symbol.asyncDispose]();
    await this.made[Symbol.asyncDispose]();
  }
}

export const prompt = [5, 9, 33, 2, 60, 17, 8, 41, 3, 3, 28];

export async function tokensOf(decoder: TokenDecoder, request: Partial<GenerateRequest> = {}): Promise<number[]> {
  const tokens: number[] = [];
  for await (const next of generate(decoder, { prompt, maxTokens: 24, ...request })) tokens.push(...next.tokens);
  return tokens;
}
