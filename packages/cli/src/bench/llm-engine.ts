import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { CutpointError, onCancel } from '@cutpoint/core';

/** What one round measures, in an empty context each: decoding behind a short text, a prompt, decoding behind a long text. */
export interface RoundRequest {
  readonly shortTokens: number;
  readonly promptTokens: number;
  readonly longTokens: number;
  readonly decodeTokens: number;
}

export interface EngineRound {
  /** Of single tokens. */
  readonly shortDecodeMs: readonly number[];
  readonly prefillMs: number;
  readonly longDecodeMs: readonly number[];
  readonly residentBytes: number;
  /** Of keys and values at the end; null where the engine does not tell. */
  readonly cacheBytes: number | null;
}

/** An engine in a process of its own: a script that takes rounds as messages, and answers each. */
export class LlmEngine implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    this.#ended = once(child, 'exit');
  }

  /** Starts it and waits until it has its model open. @throws CutpointError CUT_LOAD, or the signal's reason. */
  static async start(name: string, script: string, args: readonly string[], signal: AbortSignal): Promise<LlmEngine> {
    const child = fork(script, [...args], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const engine = new LlmEngine(child, name);
    try {
      await engine.#answer(signal);
      return engine;
    } catch (thrown) {
      await engine[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** @throws CutpointError CUT_RUN, or the signal's reason. */
  async round(request: RoundRequest, signal: AbortSignal): Promise<EngineRound> {
    this.#child.send(request);
    const answer = await this.#answer(signal);
    if (isRound(answer)) return answer;
    throw new CutpointError('CUT_RUN', `${this.#name} answered with something that is no round.`);
  }

  async #answer(signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    using _ = onCancel(signal, () => this.#child.kill('SIGKILL'));
    const [message] = await Promise.race([once(this.#child, 'message'), this.#ended.then(() => [undefined])]);
    signal.throwIfAborted();
    if (isObject(message) && 'error' in message) {
      throw new CutpointError('CUT_RUN', `${this.#name} failed: ${String(message.error)}`);
    }
    if (message !== undefined) return message;
    throw new CutpointError('CUT_LOAD', `${this.#name} ended by itself; what it wrote stands above.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

function isRound(message: unknown): message is EngineRound {
  if (!isObject(message)) return false;
  const { shortDecodeMs, prefillMs, longDecodeMs, residentBytes, cacheBytes } = message as Partial<EngineRound>;
  const times = [shortDecodeMs, longDecodeMs].every(
    (list) => Array.isArray(list) && list.length > 0 && list.every(isTime),
  );
  return times && isTime(prefillMs) && isTime(residentBytes) && (cacheBytes === null || typeof cacheBytes === 'number');
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
