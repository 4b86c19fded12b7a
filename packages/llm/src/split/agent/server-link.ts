import { printTransformTable, type TransformTables } from '@cutpoint/codec';
import {
  asCutpointError,
  type CancelSignal,
  CutpointError,
  cancelReason,
  type ErrorCode,
  onCancel,
} from '@cutpoint/core';
import type { Meta, OutgoingRequest, Peer } from '@cutpoint/wire';
import { bytesToHex } from '@noble/hashes/utils.js';
import { type About, aboutSchema, packed, type Split, splitMethods } from '../split-protocol.js';
import { isFaultOfServer, isForgotten, isRefusal } from './server-faults.js';

/** A server to ask, and how to reach it. */
export interface SplitServer {
  readonly url: string;
  /** PEM of the authority of its certificate. */
  readonly ca?: string | undefined;
  readonly token?: string | undefined;
}

/** How to make a connection to a server. */
export interface DialOptions {
  readonly connectTimeoutMs: number;
  /** A server that says nothing for so long is lost. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/** Connects, in Node or in a browser. @throws CutpointError as `connect` of the wire. */
export type Dial = (server: SplitServer, options: DialOptions) => Promise<Peer>;

export interface ServerLinkOptions {
  readonly dial: Dial;
  /** The first is the planned one. */
  readonly servers: readonly SplitServer[];
  /** What the server's model has to be. */
  readonly modelIdentity: string;
  readonly split: Split;
  /** Those that the split's codecs name: a server that lacks one is sent it. */
  readonly tables: TransformTables;
  /** How long connecting to one may take. Default 5 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long all are tried before what was asked for fails. Default 30 s. */
  readonly giveUpMs?: number | undefined;
}

/** A server that is connected and holds what it needs. */
export interface Connected {
  readonly peer: Peer;
  readonly url: string;
  /** Of its layers behind the cut. */
  readonly width: string;
}

/** Opening a range of a large model reads all its weights. */
const openingMs = 600_000;
/** Somebody waits for the next token: a server that says nothing for so long, although it computes in a thread of its own, is lost. */
const silenceMs = 5_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** The connection to one of several servers: the next is tried when one is lost. */
export class ServerLink implements AsyncDisposable {
  /** Who knows it may go on with the sequences; a server knows by it who comes back. */
  readonly #client = bytesToHex(crypto.getRandomValues(new Uint8Array(16)));
  readonly #options: ServerLinkOptions;
  readonly #closing = new AbortController();
  #connecting: Promise<Connected> | undefined;
  #connected: Connected | undefined;
  /** Which server is tried first. */
  #next = 0;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
  }

  /** The one there is now. */
  get current(): Connected | undefined {
    return this.#connected;
  }

  /**
   * The connection, made if there is none.
   * @throws CutpointError why no server could be used; the signal's reason, though connecting goes on then.
   */
  async connected(signal?: CancelSignal): Promise<Connected> {
    if (this.#connected !== undefined) return this.#connected;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    if (signal === undefined) return await this.#connecting;
    return await raced(this.#connecting, signal);
  }

  /** Whether connecting anew, perhaps to another server, may help against a failure. */
  mayHelp(code: ErrorCode): boolean {
    if (isForgotten(code)) return true;
    return isFaultOfServer(code) && (this.#options.servers.length > 1 || !isRefusal(code));
  }

  /** A connection is of no use any more: the next server is tried when somebody asks. */
  lost(connection: Connected): void {
    if (this.#connected !== connection) return;
    this.#connected = undefined;
    this.#next = (this.#next + 1) % this.#options.servers.length;
    // What came of closing it interests nobody; what went wrong with it has been told.
    void connection.peer.close().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new CutpointError('CUT_DISPOSED', 'The connection to the server was closed.'));
    await this.#connecting?.catch(() => undefined);
    await this.#connected?.peer.close();
  }

  async #connect(): Promise<Connected> {
    const { servers, giveUpMs = 30_000 } = this.#options;
    const endsAt = performance.now() + giveUpMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const failures: CutpointError[] = [];
      for (let i = 0; i < servers.length; i++) {
        const found = await this.#try(failures);
        if (found !== undefined) return found;
      }
      const hopeless = failures.every(({ code }) => !isFaultOfServer(code));
      const [first] = failures;
      if (first !== undefined && (hopeless || performance.now() + pauseMs > endsAt)) throw first;
      await pause(pauseMs, this.#closing.signal);
    }
  }

  /** Tries the server whose turn it is. */
  async #try(failures: CutpointError[]): Promise<Connected | undefined> {
    const { servers } = this.#options;
    const server = servers[this.#next];
    if (server === undefined) throw new CutpointError('CUT_USAGE', 'Give the address of a server.');
    try {
      this.#connected = await this.#dial(server);
      return this.#connected;
    } catch (thrown) {
      if (this.#closing.signal.aborted) throw cancelReason(this.#closing.signal);
      failures.push(asCutpointError(thrown, 'CUT_UNREACHABLE'));
      this.#next = (this.#next + 1) % servers.length;
      return undefined;
    }
  }

  async #dial(server: SplitServer): Promise<Connected> {
    const { dial, connectTimeoutMs = 5_000, split, tables } = this.#options;
    const { url } = server;
    const peer = await dial(server, { connectTimeoutMs, silenceMs, signal: this.#closing.signal });
    try {
      const ask = async (request: OutgoingRequest) =>
        (await peer.request(request, { deadlineMs: openingMs, signal: this.#closing.signal })).meta;
      const describe = async (meta: Meta) => this.#same(await ask({ method: splitMethods.describe, meta }), url);
      // Nothing is opened before it is known to be the same model.
      const { missingTables } = await describe({ tables: [...tables.keys()] });
      for (const [name, table] of tables) {
        if (!missingTables.includes(name)) continue;
        await ask({ method: splitMethods.table, meta: { name }, tensors: packed(printTransformTable(table)) });
      }
      const { width } = await describe({ client: this.#client, split });
      return { peer, url, width };
    } catch (thrown) {
      await peer.close();
      throw thrown;
    }
  }

  /** What a server says of itself. @throws CutpointError CUT_MODEL_MISMATCH */
  #same(meta: unknown, url: string): About['languageModel'] {
    const about = aboutSchema.safeParse(meta).data?.languageModel;
    if (about !== undefined && about.identity === this.#options.modelIdentity) return about;
    const what = about === undefined ? 'serves no language model' : `has another model ("${about.name}")`;
    const message = `The server at ${url} ${what}: start it with \`cutpoint serve PACKAGE\`, a package of the same checkpoint as here (a file that was rounded before, such as a GGUF file in Q4_0, is one of its own).`;
    throw new CutpointError('CUT_MODEL_MISMATCH', message);
  }
}

/** @throws what the signal says */
async function pause(ms: number, signal: CancelSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      cancelled[Symbol.dispose]();
      resolve();
    }, ms);
    const cancelled = onCancel(signal, () => {
      clearTimeout(timer);
      reject(cancelReason(signal));
    });
  });
}

async function raced<T>(work: Promise<T>, signal: CancelSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const cancelled = onCancel(signal, () => reject(cancelReason(signal)));
    work.then(resolve, reject).finally(() => cancelled[Symbol.dispose]());
  });
}
