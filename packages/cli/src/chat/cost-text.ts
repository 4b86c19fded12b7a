import type { StepCost, Usage } from '@cutpoint/llm';
import { formatBytes, formatMs } from '../output/units.js';

/** A line below an answer. */
export function usageText({ promptTokens, cachedTokens, completionTokens, cost }: Usage, tookMs: number): string {
  const pace =
    tookMs > 0 && completionTokens > 0 ? `, ${((completionTokens * 1000) / tookMs).toFixed(1)} tokens/s` : '';
  const where = cost.passes === 0 ? '' : `; per pass ${costText(perPass(cost))}`;
  return `[${promptTokens} tokens of prompt, ${cachedTokens} of them known; ${completionTokens} more${pace}${where}]\n`;
}

/** A line of what one pass cost. */
export function passText(tokens: number, cost: StepCost): string {
  return `[${tokens} ${tokens === 1 ? 'token' : 'tokens'}: ${costText(cost)}]\n`;
}

function costText({ agentMs, codecMs, linkMs, serverMs, upBytes, downBytes }: StepCost): string {
  const here = `compute ${formatMs(agentMs)}`;
  if (upBytes + downBytes === 0) return here;
  const away = `codec ${formatMs(codecMs)}, link ${formatMs(linkMs)}, server ${formatMs(serverMs)}`;
  return `${here}, ${away}, ${formatBytes(upBytes)} up, ${formatBytes(downBytes)} down`;
}

function perPass({ passes, ...sum }: Usage['cost']): StepCost {
  const share = (value: number) => value / passes;
  return {
    agentMs: share(sum.agentMs),
    codecMs: share(sum.codecMs),
    linkMs: share(sum.linkMs),
    serverMs: share(sum.serverMs),
    upBytes: Math.round(share(sum.upBytes)),
    downBytes: Math.round(share(sum.downBytes)),
  };
}
