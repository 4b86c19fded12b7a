import type { LlmCalibration } from '@cutpoint/plan';
import { fields, table } from '../output/table.js';
import { formatBytes, formatMs } from '../output/units.js';

/** A calibration as a person reads it: what each split costs in perplexity, and how fast this device is. */
export function calibrationText(calibration: LlmCalibration, timeErrors: Readonly<Record<string, number>>): string {
  const { model, text, splits, devices } = calibration;
  const lines: [string, string][] = [
    ['model', `${model.name}, ${model.layers} layers`],
    ['text', `${text.name}: ${text.scoredTokens} tokens scored, in windows of ${text.windowTokens}`],
  ];
  for (const { id, layers, lengths, headMs, memory } of devices) {
    for (const [width, times] of Object.entries(layers)) {
      const sum = (last: (layer: (typeof times)[number]) => number | undefined) =>
        formatMs(times.reduce((total, layer) => total + (last(layer) ?? 0), 0));
      const at = `at ${lengths.at(-1)} tokens`;
      const caches = Object.keys(times[0]?.decodeMs ?? {});
      const ofToken = caches.map((cache) => `${sum(({ decodeMs }) => decodeMs[cache]?.at(-1))} (${cache})`).join(', ');
      const error = `layers add up to ranges within ${(timeErrors[width] ?? 0).toFixed(1)} %`;
      lines.push([
        `${id}, ${width}`,
        `${ofToken} a token ${at}, ${sum(({ prefillMs }) => prefillMs.at(-1))} to read them; head ${formatMs(headMs[width] ?? 0)}; ${error}`,
      ]);
    }
    const { baseBytes, perWeightByte } = memory;
    const weights = `${perWeightByte.toFixed(2)} times the weights`;
    lines.push([`${id}, memory`, `${formatBytes(Math.round(baseBytes))} + ${weights} + caches + what a pass takes`]);
  }
  const columns = ['cut', 'before', 'behind', 'codec', 'back', 'cache', 'bytes', 'perplexity'];
  const rows = splits.map(({ cut, frontWidth, backWidth, codec, answerCodec, cache, upBytes, perplexity }) => [
    String(cut),
    frontWidth ?? '',
    backWidth ?? '',
    codec ?? '',
    answerCodec ?? '',
    cache,
    upBytes.toFixed(1),
    perplexity.toFixed(3),
  ]);
  const right = new Set(['cut', 'bytes', 'perplexity']);
  const headings = columns.map((name) => (right.has(name) ? { name, align: 'right' as const } : { name }));
  return `${fields(lines)}\n${table(headings, rows)}`;
}
