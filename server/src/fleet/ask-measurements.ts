import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceId } from '@cutpoint/control';
import { asCutpointError, type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import {
  type DeviceLinks,
  type LinkAnswer,
  linkMeter,
  measureLinkMethod,
  type ProfileAnswer,
  type ProfileDesk,
  type ProfileRequest,
  type ProfileStep,
  profileAnswerMeta,
  profileMethod,
} from '@cutpoint/fleet';
import { type ModelProfile, parseLinkProfile, parseModelProfile } from '@cutpoint/plan';
import type { Meta } from '@cutpoint/wire';
import { z } from 'zod';

/** What shall be profiled. */
export type ProfiledModel = Pick<ProfileRequest, 'files' | 'dims'>;

export interface Profiled {
  readonly profile: ModelProfile;
  readonly notes: readonly string[];
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (step: ProfileStep) => void;
}

/** Has devices measure themselves. */
export interface Measurer {
  /** @throws CutpointError what the device answered with; CUT_UNREACHABLE, CUT_DEADLINE, CUT_CANCELLED. */
  profile(device: DeviceId, model: ProfiledModel, options: AskOptions): Promise<Profiled>;
  /** @throws CutpointError the same. */
  link(from: DeviceId, to: DeviceId, signal: AbortSignal): Promise<LinkAnswer>;
}

export interface MeasurerOptions {
  /** What this server is called: it measures itself without a request. */
  readonly self: DeviceId;
  readonly desk: Pick<ProfileDesk, 'ask'>;
  readonly links: Pick<DeviceLinks, 'update' | 'tried' | 'to' | 'via'>;
  readonly addressesOf: (device: DeviceId) => readonly string[];
  /** Where devices fetch files of models. */
  readonly contentUrls: () => readonly string[];
}

const waitMs = 2_000;
/** Beyond the waiting: for the way there and back, also through a broker. */
const answerMs = 15_000;
const linkBudgetMs = 3_000;
/** A connection that is lost meanwhile is made anew: the device goes on profiling. */
const mostLosses = 3;
const lossPauseMs = 1_000;
const mostProfileBytes = 64 * 1024 ** 2;

export function openMeasurer(options: MeasurerOptions): Measurer {
  const { self, desk, links, addressesOf, contentUrls } = options;
  const ownLinks = linkMeter(links);
  const reach = async (device: DeviceId) => {
    links.update([{ device, addresses: [...addressesOf(device)] }]);
    await links.tried(device);
    return links.to(device).peer();
  };
  const ask = async (device: DeviceId, method: string, meta: Meta, limits: { ms: number; signal?: CancelSignal }) => {
    const peer = await reach(device);
    const { ms: deadlineMs, signal } = limits;
    return await peer.request({ method, meta, tensors: new Map() }, { deadlineMs, ...(signal && { signal }) });
  };
  const askProfile = async (
    device: DeviceId,
    request: ProfileRequest,
    signal?: AbortSignal,
  ): Promise<ProfileAnswer> => {
    const never = new AbortController().signal;
    if (device === self) return await desk.ask(request, signal ?? never);
    const limits = { ms: request.waitMs + answerMs, ...(signal && { signal }) };
    const { meta, tensors } = await ask(device, profileMethod, { ...request }, limits);
    return decodeProfileAnswer(meta, tensors);
  };
  return {
    async profile(device, model, { signal, onProgress }) {
      let losses = 0;
      try {
        for (;;) {
          const request = { ...model, content: [...contentUrls()], waitMs, cancel: false };
          const answer = await askProfile(device, request, signal).catch(async (thrown: unknown) => {
            losses += 1;
            const { code } = asCutpointError(thrown, 'CUT_INTERNAL');
            const isLoss = code === 'CUT_CONNECTION_LOST' || code === 'CUT_UNREACHABLE';
            if (!isLoss || losses > mostLosses || signal.aborted) throw thrown;
            await sleep(lossPauseMs);
            return undefined;
          });
          if (answer?.state === 'done') return answer;
          if (answer?.state === 'cancelled') throw new CutpointError('CUT_CANCELLED', 'The profile was cancelled.');
          if (answer !== undefined) onProgress(answer.progress);
        }
      } catch (thrown) {
        // The device would end it by itself a little later.
        const cancel = { ...model, content: [], waitMs: 0, cancel: true };
        if (signal.aborted) await askProfile(device, cancel).catch(() => undefined);
        throw thrown;
      }
    },
    async link(from, to, signal) {
      const meta = { to, addresses: [...addressesOf(to)], budgetMs: linkBudgetMs };
      if (from === self) return await ownLinks(meta, signal);
      const answer = await ask(from, measureLinkMethod, meta, { ms: linkBudgetMs + answerMs, signal });
      return decodeLinkAnswer(answer.meta);
    },
  };
}

/** @throws CutpointError CUT_WIRE_MALFORMED if it is none, or longer than a profile may be; CUT_PROFILE */
function decodeProfileAnswer(meta: Meta, tensors: NamedTensors): ProfileAnswer {
  const { data: answer } = profileAnswerMeta.safeParse(meta);
  if (answer === undefined) throw malformed('its state cannot be read');
  if (answer.state !== 'done') return answer;
  const text = tensors.get('profile');
  if (text?.dtype !== 'u8' || text.data.byteLength > mostProfileBytes) throw malformed('there is no profile in it');
  const { buffer, byteOffset, byteLength } = text.data;
  return { ...answer, profile: parseModelProfile(jsonOf(new Uint8Array(buffer, byteOffset, byteLength))) };
}

/** @throws CutpointError CUT_WIRE_MALFORMED, CUT_PROFILE */
function decodeLinkAnswer(meta: Meta): LinkAnswer {
  const { data } = z.object({ via: z.string().max(512), profile: z.unknown() }).safeParse(meta);
  if (data === undefined) throw malformed('there is no link in it');
  return { via: data.via, profile: parseLinkProfile(data.profile) };
}

function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw malformed('the profile is no JSON', cause);
  }
}

function malformed(what: string, cause?: unknown): CutpointError {
  return new CutpointError('CUT_WIRE_MALFORMED', `The answer to a measurement is refused: ${what}.`, { cause });
}
