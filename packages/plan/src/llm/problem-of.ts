import { CutpointError } from '@cutpoint/core';
import type { PlanLink } from '../problem.js';
import type { LlmCalibration } from './calibration.js';
import type { LlmProblem, LlmSide } from './problem.js';

export interface LlmProblemSources {
  readonly calibration: LlmCalibration;
  /** Ids of devices of the calibration, or what was measured elsewhere. */
  readonly agent: string | LlmSide;
  readonly remote?: { readonly side: string | LlmSide; readonly link: PlanLink } | undefined;
  readonly promptTokens: number;
  readonly lengthTokens: number;
  /** The server must see no tokens: the head stays on the agent, and hidden states cross. Default: false. */
  readonly private?: boolean;
}

/** The problem that a calibration, its devices and a link pose. @throws CutpointError CUT_USAGE for an unknown device. */
export function llmProblemOf(sources: LlmProblemSources): LlmProblem {
  const { calibration, remote, promptTokens, lengthTokens } = sources;
  const { model, splits, chunkTokens, frameBytes, devices } = calibration;
  const sideOf = (given: string | LlmSide): LlmSide => {
    if (typeof given !== 'string') return given;
    const found = devices.find(({ id }) => id === given);
    if (found !== undefined) return found;
    const known = devices.map(({ id }) => id).join(', ');
    throw new CutpointError('CUT_USAGE', `The calibration has no device "${given}"; it has ${known}.`);
  };
  const isPrivate = ({ cut, answerCodec }: { cut: number; answerCodec: string | null }) =>
    cut === model.layers || answerCodec !== null;
  return {
    model,
    agent: sideOf(sources.agent),
    remote: remote && { side: sideOf(remote.side), link: remote.link },
    splits: sources.private === true ? splits.filter(isPrivate) : splits,
    promptTokens,
    lengthTokens,
    chunkTokens,
    frameBytes,
  };
}
