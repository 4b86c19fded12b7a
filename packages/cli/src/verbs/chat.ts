import { readAuthorityFile, readTokenFile } from '@cutpoint/daemon/client';
import type { ChatModel } from '../chat/chat-model.js';
import { chat as chatWith } from '../chat/chat-session.js';
import { onInterrupt } from '../interrupt.js';
import { addSamplingOptions, type SamplingOptions } from '../llm/sampling-options.js';
import { addSplitOptions, type SplitOptions } from '../llm/split-options.js';
import { parseNumber, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult, writeOut } from '../output/result.js';
import type { Verb } from '../verb.js';

interface ChatOptions extends SplitOptions, SamplingOptions {
  readonly system?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly threads: number;
  readonly apiCa?: string;
  readonly apiTokenFile?: string;
  readonly verbose?: true;
  readonly json?: true;
}

/** `cutpoint chat`: a conversation with a language model. */
export const chat: Verb = {
  example: 'cutpoint chat llama\n  $ cutpoint chat http://127.0.0.1:7480',
  configure: (command) => {
    command
      .argument('<model>', 'a folder that `cutpoint llm import` made, or the address of an API like that of OpenAI')
      .option('--system <text>', 'what the model is told before the conversation')
      .option('--max-tokens <n>', 'tokens of an answer at most (default: what the context has room for)', parsePositive)
      .option('--temperature <n>', '0 takes the likeliest token each time', parseNumber, 0.7)
      .option('--seed <n>', 'the same seed gives the same answers (default: others each time)', parseNumber)
      .option('--threads <n>', 'of a folder: threads of an operator', parsePositive, 1)
      .option('--api-ca <file>', "PEM file with the authority of the API's certificate")
      .option('--api-token-file <file>', 'file with the token to present to the API')
      .option('--verbose', 'say after each pass where its time went, and what crossed the cut');
    addSplitOptions(addSamplingOptions(command)).action(run);
  },
};

async function run(model: string, options: ChatOptions): Promise<void> {
  const { system, verbose, json, maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed } = options;
  await using opened = await open(model, options);
  const terminal = process.stdin.isTTY === true;
  const quiet = json === true || process.stderr.isTTY !== true;
  const turns = await chatWith({
    model: opened,
    system,
    answers: { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed },
    input: process.stdin,
    terminal,
    tell: verbose === true ? 'passes' : quiet ? 'nothing' : 'answers',
    write: async (text) => (json === true ? undefined : writeOut(process.stdout.isTTY === true ? shown(text) : text)),
    note: (text) => void process.stderr.write(text),
  });
  await printResult(json === true, { model: opened.name, turns }, () => '');
}

async function open(model: string, options: ChatOptions): Promise<ChatModel> {
  const { apiCa, apiTokenFile } = options;
  using interrupt = onInterrupt();
  using progress = openProgress();
  const { signal } = interrupt;
  if (/^https?:\/\//.test(model)) {
    const { openApiChat } = await import('../chat/api-chat.js');
    const ca = apiCa === undefined ? undefined : await readAuthorityFile(apiCa);
    const token = apiTokenFile === undefined ? undefined : await readTokenFile(apiTokenFile);
    return await openApiChat(model, { ca, token }, signal);
  }
  progress.show('opens the package');
  const { openPackageChat } = await import('../chat/package-chat.js');
  return await openPackageChat({ ...options, folder: model }, signal);
}

/** What a model writes must not move the cursor, or more: to a terminal, control characters are commands. */
function shown(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
}
