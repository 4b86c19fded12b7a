import { CutpointError } from '@cutpoint/core';
import { type Command, maxMessageBytes, type Reply } from '../messages.js';

export type CommandAction = Command['action'];
export type CommandOutcome = Reply['outcome'];
/** Does what a command asks; the signal aborts when nobody waits any more. What it throws is answered. */
export type RunCommand = (action: CommandAction, signal: AbortSignal) => Promise<readonly string[]>;

/** So many are remembered, done or not, to answer repeats; so many may run at a time. */
const remembered = 256;
const running = 8;
const longestMs = 600_000;
const encoder = new TextEncoder();

/** Executes commands once each, however often they arrive, and answers every arrival. */
export class CommandsOnce {
  readonly #run: RunCommand;
  readonly #outcomes = new Map<string, Promise<CommandOutcome>>();
  #running = 0;

  constructor(run: RunCommand) {
    this.#run = run;
  }

  /** The outcome of a command: of its first arrival if it is a repeat. */
  execute(command: Command): Promise<CommandOutcome> {
    const known = this.#outcomes.get(command.id);
    if (known !== undefined) return known;
    if (this.#running >= running) {
      const message = `${running} commands are being executed already; try again later.`;
      return Promise.resolve({ ok: false, code: 'CUT_OVERLOADED', message });
    }
    const outcome = this.#first(command);
    this.#outcomes.set(command.id, outcome);
    const [oldest] = this.#outcomes.keys();
    if (this.#outcomes.size > remembered && oldest !== undefined) this.#outcomes.delete(oldest);
    return outcome;
  }

  async #first({ action, budgetMs }: Command): Promise<CommandOutcome> {
    this.#running++;
    try {
      const signal = AbortSignal.timeout(Math.ceil(Math.min(budgetMs, longestMs)));
      const lines = await this.#run(action, signal);
      return { ok: true, lines: newestThatFit(lines) };
    } catch (thrown) {
      return failure(thrown);
    } finally {
      this.#running--;
    }
  }
}

function failure(thrown: unknown): CommandOutcome {
  const code = thrown instanceof CutpointError ? thrown.code : 'CUT_INTERNAL';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { ok: false, code, message: message.slice(0, 2000) };
}

/** Lines are cut to what a reply carries; the oldest are left out where all together are too long for a message. */
function newestThatFit(lines: readonly string[]): string[] {
  let room = maxMessageBytes - 1024;
  const kept: string[] = [];
  for (const line of lines.slice(-1000).reverse()) {
    const text = line.slice(0, 4096);
    room -= encoder.encode(JSON.stringify(text)).length + 1;
    if (room < 0) break;
    kept.push(text);
  }
  return kept.reverse();
}
