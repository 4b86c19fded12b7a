import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { Reply } from '@cutpoint/wire';
import type { Step } from '../../decode/token-decoder.js';
import { type SentPiece, writePass } from '../pass-message.js';
import { formOf, packed, type SequenceSettings, type Split, splitMethods, unpacked } from '../split-protocol.js';
import { SentHistory } from './sent-history.js';
import type { Connected, ServerLink } from './server-link.js';

/** A pass to ask for. */
export interface PassRequest {
  /** Tokens that the server holds already, or has to be told. */
  readonly base: number;
  readonly piece: SentPiece;
  readonly drafted: number;
  readonly step: Pick<Step, 'sampling' | 'ends' | 'signal'>;
}

/** The answer to it, and what asking took. */
export interface AskedPass extends Pick<Reply, 'timing' | 'sentBytes' | 'receivedBytes'> {
  readonly answer: Uint8Array;
}

/** A pass may take this long, and each of its tokens this much longer: a server that takes longer counts as lost. */
const passMs = 60_000;
const tokenMs = 1_000;
/** So many servers may fail one pass before it fails. */
const mostFaults = 5;

/** The server's part of one sequence, as the agent sees it. */
export class RemoteSequence {
  readonly #number: number;
  readonly #split: Split;
  readonly #link: ServerLink;
  #history: SentHistory;
  /** The server that holds the sequence; undefined if none is known to. */
  #heldBy: string | undefined;
  /** What that server was told of how to choose. */
  #told: Pick<Step, 'sampling' | 'ends'> | undefined;

  constructor(number: number, split: Split, link: ServerLink, history = new SentHistory()) {
    this.#number = number;
    this.#split = split;
    this.#link = link;
    this.#history = history;
  }

  /**
   * Asks for a pass, of another server where one fails, which then learns the whole text.
   * @throws CutpointError why no server could do it, or the signal's reason.
   */
  async ask(request: PassRequest): Promise<AskedPass> {
    const { signal } = request.step;
    for (let faults = 0; ; ) {
      const connected = await this.#link.connected(signal);
      try {
        return await this.#askOne(connected, request);
      } catch (thrown) {
        if (!(thrown instanceof CutpointError) || isOver(signal, thrown)) throw thrown;
        if (thrown.code !== 'CUT_SEQUENCE_LOST' && !this.#link.mayHelp(thrown.code)) throw thrown;
        faults += 1;
        if (faults > mostFaults) throw thrown;
        if (thrown.code === 'CUT_SEQUENCE_LOST') this.#heldBy = undefined;
        else this.#link.lost(connected);
      }
    }
  }

  /** Remembers what a pass has added to the sequence. */
  sent(piece: SentPiece): void {
    this.#history.add(piece);
  }

  truncate(tokens: number): void {
    this.#history.truncate(tokens);
  }

  clone(number: number, tokens: number): RemoteSequence {
    const clone = new RemoteSequence(number, this.#split, this.#link, this.#history.clone(tokens));
    clone.#heldBy = this.#heldBy;
    clone.#told = this.#told;
    this.#tell(splitMethods.clone, { from: this.#number, into: number, tokens });
    return clone;
  }

  drop(): void {
    this.#tell(splitMethods.drop, { sequence: this.#number });
    this.#history = new SentHistory();
  }

  async #askOne({ peer, url }: Connected, { base, piece, drafted, step }: PassRequest): Promise<AskedPass> {
    const whole = base === 0 || this.#heldBy !== url;
    const pieces = whole ? [...this.#history.pieces, piece] : [piece];
    const form = formOf(this.#split);
    const bytes = writePass({ sequence: this.#number, base: whole ? 0 : base, drafted, pieces }, form);
    const anew = whole || this.#told?.sampling !== step.sampling || this.#told.ends !== step.ends;
    const rows = pieces.reduce((sum, each) => sum + each.rows, 0);
    const reply = await peer.request(
      {
        method: splitMethods.decode,
        tensors: packed(bytes),
        ...(anew ? { meta: this.#settings(step) } : {}),
      },
      { deadlineMs: passMs + rows * tokenMs, ...signalOf(step.signal) },
    );
    this.#heldBy = url;
    this.#told = { sampling: step.sampling, ends: step.ends };
    return { ...reply, answer: unpacked(reply.tensors) };
  }

  #settings({ sampling, ends }: Pick<Step, 'sampling' | 'ends'>): SequenceSettings {
    return { ...this.#split, choice: this.#split.private ? null : { sampling, ends: [...ends] } };
  }

  /** Says something that needs no answer: what a server does not know of a sequence, it asks for. */
  #tell(method: string, meta: Readonly<Record<string, unknown>>): void {
    const connected = this.#link.current;
    if (connected === undefined || connected.url !== this.#heldBy) return;
    connected.peer.request({ method, meta }, { deadlineMs: passMs }).catch(() => undefined);
  }
}

/** Nobody waits for the pass any more. The server's clock for the caller's deadline may be a little early. */
function isOver(signal: CancelSignal | undefined, { code }: CutpointError): boolean {
  return signal?.aborted === true || (signal?.endsAtMs !== undefined && code === 'CUT_DEADLINE');
}

function signalOf(signal: CancelSignal | undefined): { readonly signal?: CancelSignal } {
  return signal === undefined ? {} : { signal };
}
