import type { SplitResult } from '@cutpoint/daemon';
import { readAuthorityFile, readTokenFile } from '@cutpoint/daemon/client';
import { inferAtAgent, inputsOfAgent } from '@cutpoint/edge-agent';
import { dimsOfInputs } from '@cutpoint/runtime';
import { connect } from '@cutpoint/wire';
import type { Command } from 'commander';
import { parseAddress } from '../address-option.js';
import { onInterrupt } from '../interrupt.js';
import { readInputs } from '../npy/tensor-files.js';
import { parsePositive } from '../options.js';
import { printAnswer } from '../run/print-answer.js';
import type { Verb } from '../verb.js';

interface AskOptions {
  readonly input: string;
  readonly model?: string;
  readonly agentCa?: string;
  readonly agentTokenFile?: string;
  readonly timeoutMs: number;
  readonly out?: string;
  readonly json?: true;
}

const connectTimeoutMs = 10_000;

/** `cutpoint ask`: one inference by an agent that is running. */
export const ask: Verb = {
  example: 'cutpoint ask ws://127.0.0.1:7401 --input picture.npy',
  configure: (command) => {
    command
      .argument('<url>', 'the address that `cutpoint agent` shows', parseAddress)
      .requiredOption('--input <file>', 'a .npy file for a model with one input, or a .npz file with inputs by name')
      .option('--model <name>', 'of an agent of a fleet: which deployment to ask (default: the only one)')
      .option('--agent-ca <file>', "PEM file with the authority of the agent's certificate")
      .option('--agent-token-file <file>', 'file with the token to present to the agent')
      .option('--timeout-ms <number>', 'how long the inference may take', parsePositive, 60_000)
      .option('--out <file>', 'write all outputs to a .npz file')
      .action(async (url: string, _, command: Command) => {
        const options = command.opts<AskOptions>();
        await printAnswer(await askAgent(url, options), options);
      });
  },
};

async function askAgent(url: string, options: AskOptions): Promise<SplitResult> {
  const { input, model, agentCa, agentTokenFile, timeoutMs } = options;
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  await using peer = await connect({
    url,
    connectTimeoutMs,
    signal,
    ...(agentCa === undefined ? {} : { tls: { ca: await readAuthorityFile(agentCa) } }),
    ...(agentTokenFile === undefined ? {} : { token: await readTokenFile(agentTokenFile) }),
  });
  const specs = await inputsOfAgent(peer, { signal, deadlineMs: connectTimeoutMs, model });
  const inputs = await readInputs(input, specs);
  // Names and types are refused here: large inputs need not travel for that.
  dimsOfInputs(specs, inputs);
  return await inferAtAgent(peer, inputs, { signal, deadlineMs: timeoutMs, model });
}
