import { openMetrics, type RequestMetrics } from '@cutpoint/http';
import { Counter } from 'prom-client';
import type { Usage } from '../conversation/text-model.js';

/** Requests, and the tokens in and out of them. */
export interface TextMetrics extends RequestMetrics {
  count(model: string, usage: Usage): void;
}

export function openTextMetrics(): TextMetrics {
  const metrics = openMetrics();
  const tokens = new Counter({
    name: 'cutpoint_tokens_total',
    help: 'Tokens of requests that were answered, by kind: run (of prompts), cached (of prompts), completion.',
    labelNames: ['model', 'kind'],
    registers: metrics.registers,
  });
  return {
    ...metrics,
    count(model, { promptTokens, cachedTokens, completionTokens }) {
      tokens.inc({ model, kind: 'run' }, promptTokens - cachedTokens);
      tokens.inc({ model, kind: 'cached' }, cachedTokens);
      tokens.inc({ model, kind: 'completion' }, completionTokens);
    },
  };
}
