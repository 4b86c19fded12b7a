import { runLimited } from '@cutpoint/testbed';
import { commandPath, Process } from '../processes.testing.js';

/** Waits for a line before it becomes the command: what it takes is all counted by the group that it is in by then. */
const waitingShell = ['/bin/sh', '-c', 'read go; exec "$@"', 'sh', process.execPath, commandPath] as const;

/** Tells the process that there is memory for all it may ask for, as it would refuse what cannot fit. */
const allIsFree = 'data:text/javascript,process.availableMemory=()=>1e15';

/** A `cutpoint` process in a control group of its own. */
export class LimitedProcess implements AsyncDisposable {
  private constructor(
    readonly process: Process,
    private readonly limit: Awaited<ReturnType<typeof runLimited>>,
  ) {}

  /** @param forced whether it runs what it takes to be too much. @throws CutpointError CUT_EMULATION where memory cannot be limited. */
  static async start(args: readonly string[], limitBytes: number, { forced = false } = {}): Promise<LimitedProcess> {
    const started = new Process(args, forced ? { NODE_OPTIONS: `--import=${allIsFree}` } : {}, waitingShell);
    try {
      const limit = await runLimited(started.pid, limitBytes);
      started.type('go\n');
      return new LimitedProcess(started, limit);
    } catch (thrown) {
      await started[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** The most that was in its memory at a time. */
  peakBytes(): Promise<number> {
    return this.limit.peakBytes();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await this.limit[Symbol.asyncDispose]();
  }
}
