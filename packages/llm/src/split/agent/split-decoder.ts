import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { DecoderConfig } from '../../architecture/decoder-config.js';
import type { EmbeddingTable } from '../../decode/embedding-table.js';
import { lastRows } from '../../decode/logits-rows.js';
import type { RangeDecoder } from '../../decode/range-decoder.js';
import type { NextTokens, Step, StepCost, TokenDecoder } from '../../decode/token-decoder.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { widthOfLayers } from '../../package/width-of-layers.js';
import { verifyDraft } from '../../text/drafts.js';
import type { CrossingCodecs } from '../crossing-codecs.js';
import { decodeHidden, encodeHidden } from '../hidden-rows.js';
import { readHiddenAnswer, readTokensAnswer } from '../pass-answer.js';
import { mostDrafted, type SentPiece } from '../pass-message.js';
import { formOf, type Split } from '../split-protocol.js';
import { type AskedPass, RemoteSequence } from './remote-sequence.js';
import type { ServerLink } from './server-link.js';

/** The parts of a model that an agent holds. */
export interface AgentParts {
  readonly embedding: EmbeddingTable;
  /** The layers before the cut; none where it is before the first. */
  readonly front: RangeDecoder | undefined;
  /** Whether those keep nothing between passes, and run the whole text each time. */
  readonly recomputes: boolean;
  /** The last norm and the head, where the split is private. */
  readonly head: RangeDecoder | undefined;
  readonly codecs: CrossingCodecs;
}

/** What the layers are stored in on both sides. */
export interface SplitWidths {
  /** `none` where the cut is before the first layer. */
  readonly agent: string;
  /** Null while no server is connected, and where all runs here. */
  readonly server: string | null;
}

interface AgentSequence {
  /** Its number in the front segment. */
  readonly front: number | undefined;
  readonly remote: RemoteSequence;
  /** How many tokens both sides hold. */
  held: number;
}

/** Rows of hidden states that leave the front segment, and what they took. */
interface FrontRows {
  readonly data: Float32Array<ArrayBuffer>;
  readonly computeMs: number;
}

/**
 * A model that is cut in two: the embedding and the layers before the cut here, the rest at a server. When the server is
 * lost, another one (or the same, when it is back) is sent all that was sent so far, and the text goes on as it would have.
 */
export class SplitDecoder implements TokenDecoder {
  readonly config: DecoderConfig;
  readonly #parts: AgentParts;
  readonly #link: ServerLink;
  readonly #sequences = new Map<number, AgentSequence>();
  #nextSequence = 1;

  /** @param parts and link are closed with it. */
  constructor(
    readonly manifest: PackageManifest,
    readonly split: Split,
    parts: AgentParts,
    link: ServerLink,
  ) {
    this.config = manifest.config;
    this.#parts = parts;
    this.#link = link;
  }

  /** The server that is connected now. */
  get server(): string | undefined {
    return this.#link.current?.url;
  }

  get widths(): SplitWidths {
    const agent = widthOfLayers(this.manifest.layers.slice(0, this.split.at));
    return { agent, server: this.#link.current?.width ?? null };
  }

  sequence(): number {
    const number = this.#nextSequence++;
    const { front } = this.#parts;
    const remote = new RemoteSequence(number, this.split, this.#link);
    this.#sequences.set(number, { front: front?.sequence(), remote, held: 0 });
    return number;
  }

  async next(number: number, step: Step): Promise<NextTokens> {
    const { text, signal } = step;
    const sequence = this.#known(number);
    throwIfCancelled(signal);
    const draft = step.draft.slice(0, mostDrafted);
    const tokens = [...text.slice(sequence.held), ...draft];
    try {
      const rows = await this.#front(sequence, text, tokens, signal);
      const encodeFrom = performance.now();
      const piece = this.#piece(tokens, rows.data);
      const encodeMs = performance.now() - encodeFrom;
      const asked = await sequence.remote.ask({ base: sequence.held, piece, drafted: draft.length, step });
      const chosen = await this.#choose(asked, { ...step, draft });
      const { accepted } = chosen;
      sequence.remote.sent({ ...piece, ...this.#kept(tokens, draft.length - accepted) });
      sequence.held += tokens.length;
      this.truncate(number, text.length + accepted);
      const agentMs = rows.computeMs + chosen.agentMs;
      const cost = costOf(asked, { agentMs, codecMs: encodeMs + chosen.codecMs, codecUs: chosen.codecUs });
      return { tokens: chosen.tokens, accepted, cost };
    } catch (thrown) {
      if (sequence.front !== undefined) this.#parts.front?.truncate(sequence.front, sequence.held);
      throw thrown;
    }
  }

  truncate(number: number, tokens: number): void {
    const sequence = this.#known(number);
    if (tokens >= sequence.held) return;
    sequence.held = tokens;
    // The server is told with the next pass.
    sequence.remote.truncate(tokens);
    if (sequence.front !== undefined) this.#parts.front?.truncate(sequence.front, tokens);
  }

  clone(number: number, tokens: number): number {
    const sequence = this.#known(number);
    const held = Math.min(tokens, sequence.held);
    const into = this.#nextSequence++;
    const front = sequence.front === undefined ? undefined : this.#parts.front?.clone(sequence.front, held);
    this.#sequences.set(into, { front, remote: sequence.remote.clone(into, held), held });
    return into;
  }

  drop(number: number): void {
    const sequence = this.#sequences.get(number);
    if (sequence === undefined) return;
    this.#sequences.delete(number);
    sequence.remote.drop();
    if (sequence.front !== undefined) this.#parts.front?.drop(sequence.front);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { embedding, front, head } = this.#parts;
    await this.#link[Symbol.asyncDispose]();
    for (const range of [front, head]) await range?.dispose();
    await embedding[Symbol.asyncDispose]();
  }

  /** Rows of `tokens`, which follow those of the text that both sides hold. */
  async #front(
    sequence: AgentSequence,
    text: readonly number[],
    tokens: readonly number[],
    signal?: CancelSignal,
  ): Promise<FrontRows> {
    if (!formOf(this.split).hidden) return { data: new Float32Array(0), computeMs: 0 };
    const { embedding, front, recomputes } = this.#parts;
    if (front === undefined || sequence.front === undefined)
      return { data: await embedding.rows(tokens), computeMs: 0 };
    const rows = await embedding.rows(recomputes ? [...text.slice(0, sequence.held), ...tokens] : tokens);
    const { data, computeMs } = await front.forward(sequence.front, rows, signal === undefined ? {} : { signal });
    return { data: recomputes ? data.slice(-tokens.length * this.config.hiddenSize) : data, computeMs };
  }

  #piece(tokens: readonly number[], data: Float32Array<ArrayBuffer>): SentPiece {
    const form = formOf(this.split);
    const hidden = form.hidden ? encodeHidden(this.#parts.codecs.up, data, this.config.hiddenSize) : new Uint8Array(0);
    return { rows: tokens.length, kept: tokens.length, tokens: form.tokens ? tokens : [], hidden };
  }

  /** What counts of a piece of which the last tokens were wrong drafts. */
  #kept(tokens: readonly number[], wrong: number): Pick<SentPiece, 'kept' | 'tokens'> {
    const right = tokens.slice(0, tokens.length - wrong);
    return { kept: right.length, tokens: formOf(this.split).tokens ? right : [] };
  }

  /** The tokens that the server chose, or those that its hidden states give. */
  async #choose({ answer }: AskedPass, { text, draft, sampling, ends, signal }: Step) {
    const { vocabularySize, hiddenSize } = this.config;
    const { head, codecs } = this.#parts;
    if (head === undefined) {
      const { codecUs, tokens } = readTokensAnswer(answer, draft.length + 1, vocabularySize);
      return { tokens, accepted: agreeing(tokens, draft), codecUs, codecMs: 0, agentMs: 0 };
    }
    const decodeFrom = performance.now();
    const { codecUs, hidden } = readHiddenAnswer(answer);
    const rows = draft.length + 1;
    const states = new Float32Array(decodeHidden(codecs.down, new Uint8Array(hidden), rows, hiddenSize));
    const codecMs = performance.now() - decodeFrom;
    const { data, computeMs } = await this.#logits(head, states, signal);
    const chosen = verifyDraft(lastRows(data, rows, vocabularySize), draft, text, sampling, ends);
    return { ...chosen, codecUs, codecMs, agentMs: computeMs };
  }

  /** The head keeps nothing of a sequence. */
  async #logits(head: RangeDecoder, states: Float32Array<ArrayBuffer>, signal: CancelSignal | undefined) {
    const sequence = head.sequence();
    try {
      return await head.forward(sequence, states, { logits: 'all', ...(signal === undefined ? {} : { signal }) });
    } finally {
      head.drop(sequence);
    }
  }

  #known(number: number): AgentSequence {
    const sequence = this.#sequences.get(number);
    if (sequence !== undefined) return sequence;
    throw new CutpointError('CUT_DISPOSED', 'The sequence was dropped.');
  }
}

/** How many tokens of a draft are those that were chosen. */
function agreeing(tokens: readonly number[], draft: readonly number[]): number {
  let count = 0;
  while (count < draft.length && tokens[count] === draft[count]) count++;
  return count;
}

interface OwnCost {
  readonly agentMs: number;
  readonly codecMs: number;
  /** The server's. */
  readonly codecUs: number;
}

function costOf({ timing, sentBytes, receivedBytes }: AskedPass, { agentMs, codecMs, codecUs }: OwnCost): StepCost {
  const { encodeUs, networkUs, remoteUs, decodeUs } = timing;
  return {
    agentMs,
    codecMs: codecMs + codecUs / 1000,
    linkMs: (encodeUs + networkUs + decodeUs) / 1000,
    serverMs: Math.max(0, remoteUs - codecUs) / 1000,
    upBytes: sentBytes,
    downBytes: receivedBytes,
  };
}
