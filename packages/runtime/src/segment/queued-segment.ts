import {
  type CancelSignal,
  CutpointError,
  cancelReason,
  type NamedTensors,
  onCancel,
  type Tensor,
  throwIfCancelled,
} from '@cutpoint/core';
import type { ProviderChoice } from '../provider/provider-choice.js';
import { BufferPool } from './buffer-pool.js';
import { checkInputs, chooseOutputs } from './check-request.js';
import { nowUs } from './clock.js';
import { ownBuffers } from './own-buffers.js';
import type { FromWorker, LoadedMessage, LoadMessage, Packet, RanMessage, RunMessage, StartHost } from './protocol.js';
import type { RunOptions, RunResult, RunTiming, Segment, SegmentHealth } from './segment.js';
import { SupervisedWorker } from './supervised-worker.js';

/**
 * Runs the worker holds at once: the one it computes and the next, so that it never waits for this thread between two.
 * More would only be more to lose when it dies.
 */
const runsAhead = 2;

interface QueueOptions {
  readonly maxQueue: number;
  readonly stuckMs: number;
  readonly provider: ProviderChoice;
}

interface Call {
  readonly packet: Packet<RunMessage>;
  readonly calledAt: number;
  sentAt: number;
  /** Runs from the cancellation of a call that the worker holds. */
  stuckTimer?: NodeJS.Timeout;
  /** Ends the caller's wait; later calls do nothing. */
  resolve(result: RunResult): void;
  reject(error: CutpointError): void;
}

/** A segment whose calls wait in a bounded queue on this side and are handed to a supervised worker in order. */
export class QueuedSegment implements Segment {
  inputs: LoadedMessage['inputs'] = [];
  outputs: LoadedMessage['outputs'] = [];
  private readonly worker: SupervisedWorker;
  /** One more than the worker holds: the next call's inputs are copied while it computes. */
  private readonly pool = new BufferPool(runsAhead + 1);
  private readonly waiting: Call[] = [];
  private readonly sent = new Map<number, Call>();
  private ready = false;
  /** The cancelled call whose inference holds a thread. */
  private stuck: Call | undefined;
  /** Why no call is taken any more. */
  private closed: CutpointError | undefined;
  private lastId = 0;

  private constructor(
    startHost: StartHost,
    loadPacket: () => Packet<LoadMessage>,
    private readonly options: QueueOptions,
  ) {
    this.worker = new SupervisedWorker(startHost, loadPacket, {
      onReady: () => {
        this.ready = true;
        this.sendNext();
      },
      onPacket: (packet) => this.receive(packet),
      onLost: (error) => {
        this.ready = false;
        this.rejectAll(this.takeSent(), error);
      },
      onBroken: (error) => this.close(error),
    });
  }

  /** @throws CutpointError why the segment could not be loaded. */
  static async load(
    startHost: StartHost,
    loadPacket: () => Packet<LoadMessage>,
    options: QueueOptions,
    signal: CancelSignal | undefined,
  ): Promise<QueuedSegment> {
    const segment = new QueuedSegment(startHost, loadPacket, options);
    const { inputs, outputs } = await segment.worker.start(signal);
    segment.inputs = inputs;
    segment.outputs = outputs;
    return segment;
  }

  get health(): SegmentHealth {
    if (this.closed !== undefined) return 'broken';
    if (this.stuck !== undefined) return 'stuck';
    return this.ready ? 'ready' : 'restarting';
  }

  get provider(): ProviderChoice {
    return this.options.provider;
  }

  get processId(): number | undefined {
    return this.worker.processId;
  }

  async run(inputs: NamedTensors, options: RunOptions = {}): Promise<RunResult> {
    const calledAt = nowUs();
    if (this.closed !== undefined) throw this.closed;
    if (this.stuck !== undefined) throw stuckError(this.options.stuckMs);
    throwIfCancelled(options.signal);
    checkInputs(this.inputs, inputs);
    const outputs = chooseOutputs(this.outputs, options.outputs);
    if (this.waiting.length >= this.options.maxQueue && (!this.ready || this.sent.size >= runsAhead)) {
      const message = `${this.waiting.length} calls already wait for this segment; try again later.`;
      throw new CutpointError('CUT_OVERLOADED', message);
    }
    this.lastId += 1;
    const packet = runPacket(this.lastId, inputs, outputs, options.transfer === true, this.pool);
    return await this.enqueue(packet, calledAt, options.signal);
  }

  async dispose(): Promise<void> {
    this.close(new CutpointError('CUT_DISPOSED', 'The segment was disposed of.'));
    await this.worker.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private async enqueue(packet: Packet<RunMessage>, calledAt: number, signal?: CancelSignal): Promise<RunResult> {
    let call: Call | undefined;
    const result = new Promise<RunResult>((resolve, reject) => {
      call = { packet, calledAt, sentAt: calledAt, resolve, reject };
      this.waiting.push(call);
    });
    using _ = onCancel(signal, () => {
      if (call !== undefined && signal !== undefined) this.cancel(call, cancelReason(signal));
    });
    this.sendNext();
    return await result;
  }

  private sendNext(): void {
    while (this.ready && this.sent.size < runsAhead) {
      const call = this.waiting.shift();
      if (call === undefined) return;
      call.sentAt = nowUs();
      this.sent.set(call.packet.message.id, call);
      this.worker.post(call.packet);
    }
  }

  private cancel(call: Call, reason: CutpointError): void {
    call.reject(reason);
    const index = this.waiting.indexOf(call);
    if (index >= 0) {
      this.waiting.splice(index, 1);
      return;
    }
    const { id } = call.packet.message;
    if (this.sent.get(id) !== call) return;
    // What the worker holds stays counted until it answers, so that it never holds more than it should.
    this.worker.post({ message: { kind: 'cancel', id }, payloads: [] });
    this.watch(call);
  }

  /** Acts if a cancelled call is still being computed when its time is over. */
  private watch(call: Call): void {
    call.stuckTimer = setTimeout(() => {
      const [computed] = this.sent.values();
      // Behind another call it holds up nobody yet.
      if (computed !== call) this.watch(call);
      else if (!this.worker.kill()) this.refuseCalls(call);
    }, this.options.stuckMs).unref();
  }

  private refuseCalls(stuck: Call): void {
    this.stuck = stuck;
    // The worker answers for what it holds in the end, so that stays counted.
    this.rejectAll([...this.sent.values(), ...this.waiting.splice(0)], stuckError(this.options.stuckMs));
  }

  private receive({ message, payloads }: Packet<FromWorker>): void {
    if (message.kind !== 'ran' && message.kind !== 'failed' && message.kind !== 'dropped') return;
    const call = this.sent.get(message.id);
    if (call === undefined) return;
    this.sent.delete(message.id);
    this.release(call);
    if (message.kind === 'ran') for (const input of payloads.slice(message.outputs.length)) this.pool.giveBack(input);
    this.sendNext();
    if (message.kind === 'ran') call.resolve(resultOf(call, message, payloads));
    else if (message.kind === 'failed') call.reject(new CutpointError(message.code, message.message));
  }

  private close(error: CutpointError): void {
    this.closed ??= error;
    this.ready = false;
    this.rejectAll([...this.takeSent(), ...this.waiting.splice(0)], error);
  }

  private takeSent(): Call[] {
    const calls = [...this.sent.values()];
    this.sent.clear();
    for (const call of calls) this.release(call);
    return calls;
  }

  /** The worker holds the call no more. */
  private release(call: Call): void {
    clearTimeout(call.stuckTimer);
    if (this.stuck === call) this.stuck = undefined;
  }

  private rejectAll(calls: readonly Call[], error: CutpointError): void {
    for (const call of calls) call.reject(error);
  }
}

function stuckError(stuckMs: number): CutpointError {
  return new CutpointError(
    'CUT_OVERLOADED',
    `A cancelled inference still holds the thread of this segment after ${stuckMs} ms, and a thread cannot be stopped; try again later, or load the segment with the isolation "process", which is replaced in such a case.`,
  );
}

function runPacket(
  id: number,
  inputs: NamedTensors,
  outputs: readonly string[],
  transfer: boolean,
  pool: BufferPool,
): Packet<RunMessage> {
  const entries = [...inputs];
  const headers = entries.map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const payloads = ownBuffers(
    entries.map(([, { data }]) => data),
    transfer,
    pool,
  );
  return { message: { kind: 'run', id, inputs: headers, outputs }, payloads };
}

function resultOf(call: Call, { outputs, marks }: RanMessage, payloads: Packet<unknown>['payloads']): RunResult {
  const tensors = outputs.map(({ name, dtype, shape }, i): [string, Tensor] => [
    name,
    { dtype, shape, data: payloads[i] ?? new Uint8Array() },
  ]);
  // While the worker was not free the call waited, wherever it was by then.
  const begunAt = Math.max(call.sentAt, marks.freeAt);
  const timing: RunTiming = {
    queueUs: begunAt - call.calledAt,
    inputUs: marks.computeFrom - begunAt,
    computeUs: marks.computeTo - marks.computeFrom,
    outputUs: nowUs() - marks.computeTo,
  };
  return { outputs: new Map(tensors), timing };
}
