import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { orCancelled } from './or-cancelled.js';
import type { FromWorker, LoadedMessage, LoadMessage, Packet, StartHost, ToWorker, WorkerHost } from './protocol.js';
import { maxRestarts, RestartPolicy } from './restart-policy.js';

export interface SupervisorEvents {
  /** The segment is loaded and takes runs; also after every restart. */
  onReady(): void;
  onPacket(packet: Packet<FromWorker>): void;
  /** The worker died and is being replaced: what it held is lost. */
  onLost(error: CutpointError): void;
  /** There will be no worker any more. */
  onBroken(error: CutpointError): void;
}

/** Keeps one worker with one loaded segment alive: replaces it when it dies, loading the model again. */
export class SupervisedWorker {
  private host: WorkerHost | undefined;
  private readonly policy = new RestartPolicy();
  private restart: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param loadPacket makes a packet for each start, as its payloads move to the worker. */
  constructor(
    private readonly startHost: StartHost,
    private readonly loadPacket: () => Packet<LoadMessage>,
    private readonly events: SupervisorEvents,
  ) {}

  /**
   * Starts the first worker and loads the segment. A worker that dies here is not replaced.
   * @throws CutpointError why the load failed, or the signal's reason.
   */
  async start(signal: CancelSignal | undefined): Promise<LoadedMessage> {
    try {
      return await orCancelled(this.launch(), signal);
    } catch (thrown) {
      const stopping = this.stop();
      // Who cancels is answered at once; the thread may still be inside the native load.
      if (signal?.aborted !== true) await stopping;
      throw thrown;
    }
  }

  get processId(): number | undefined {
    return this.host?.processId;
  }

  post(packet: Packet<ToWorker>): void {
    this.host?.post(packet);
  }

  /** Ends a worker whose inference does not, so that it is replaced. False if it is a thread, which nothing ends. */
  kill(): boolean {
    this.host?.kill?.();
    return this.host?.kill !== undefined;
  }

  /** Resolves once no worker is left. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.restart);
    await this.host?.stop();
  }

  /** Starts a worker; settles when it has loaded or refused the segment, or died over it. */
  private launch(): Promise<LoadedMessage> {
    return new Promise((resolve, reject) => {
      let loaded = false;
      const host = this.startHost({
        onPacket: (packet) => {
          const { message } = packet;
          if (message.kind === 'loaded') {
            loaded = true;
            resolve(message);
            this.events.onReady();
          } else if (message.kind === 'refused') {
            reject(new CutpointError(message.code, message.message));
          } else {
            this.events.onPacket(packet);
          }
        },
        onGone: (why) => {
          const error = new CutpointError('CUT_WORKER_DIED', `The worker of the segment ${why}.`);
          if (loaded) this.replace(error);
          else reject(error);
        },
      });
      this.host = host;
      host.post(this.loadPacket());
    });
  }

  private replace(error: CutpointError): void {
    if (this.stopped) return;
    this.events.onLost(error);
    const delay = this.policy.delayAfterDeath(performance.now());
    if (delay === undefined) {
      const message = `The worker of the segment died more than ${maxRestarts} times within a minute and is not started again; load the segment anew.`;
      this.events.onBroken(new CutpointError('CUT_WORKER_DIED', message, { cause: error }));
      return;
    }
    this.restart = setTimeout(() => void this.relaunch(), delay);
  }

  private async relaunch(): Promise<void> {
    try {
      await this.launch();
    } catch (thrown) {
      const error = thrown as CutpointError;
      if (error.code === 'CUT_WORKER_DIED') {
        this.replace(error);
      } else if (!this.stopped) {
        this.events.onBroken(error);
        await this.host?.stop();
      }
    }
  }
}
