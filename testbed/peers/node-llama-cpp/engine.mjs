// The peer's side of `cutpoint bench llm`: a child process that opens a GGUF file and, for each message, runs one round.
// Arguments: the file, threads. It answers as packages/cli/src/bench/llm-engine.ts says.
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';

const [path, threadsText] = process.argv.slice(2);
const threads = Number(threadsText);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads });
const model = await llama.loadModel({ modelPath: path, useMmap: true });
const context = await model.createContext({ contextSize: 2048, batchSize: 512, threads, sequences: 1 });
const sequence = context.getSequence();

let seed = 1;
const randomTokens = (count) =>
  Array.from({ length: count }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 300 + (seed % 30_000);
  });

async function prefill(tokens) {
  const from = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(randomTokens(tokens));
  return performance.now() - from;
}

async function decode(tokens) {
  const times = [];
  let from = performance.now();
  for await (const _ of sequence.evaluate(randomTokens(1), { temperature: 0, yieldEogToken: true })) {
    const now = performance.now();
    times.push(now - from);
    from = now;
    if (times.length > tokens) break;
  }
  return times.slice(1);
}

async function round({ shortTokens, promptTokens, longTokens, decodeTokens }) {
  await sequence.clearHistory();
  await prefill(shortTokens);
  const shortDecodeMs = await decode(decodeTokens);
  await sequence.clearHistory();
  const prefillMs = await prefill(promptTokens);
  await prefill(longTokens - promptTokens);
  const longDecodeMs = await decode(decodeTokens);
  return { shortDecodeMs, prefillMs, longDecodeMs, residentBytes: process.memoryUsage().rss, cacheBytes: null };
}

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  round(message).then(
    (figures) => process.send(figures),
    (error) => process.send({ error: error.message }),
  );
});
process.send({ ready: true });
