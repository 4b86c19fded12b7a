import { CutpointError } from '@cutpoint/core';
import type { IncomingRequest, RequestHandler } from '@cutpoint/wire';
import type { z } from 'zod';
import type { DeviceLinks } from './device-links.js';
import type { ProfileDesk } from './profile-desk.js';
import {
  encodeProfileAnswer,
  type LinkAnswer,
  type LinkRequest,
  linkRequest,
  measureLinkMethod,
  profileMethod,
  profileRequest,
} from './profile-request.js';

export interface MeasuringOptions {
  readonly desk: ProfileDesk;
  readonly links: Pick<DeviceLinks, 'update' | 'tried' | 'to' | 'via'>;
  /** Whether devices of this fleet prove who they are; then only a server may have things measured. */
  readonly paired: boolean;
  /** Answers all other methods. */
  readonly otherwise: RequestHandler;
}

/** Answers what the server asks to plan: `profile` a model, and `measure-link` to another device. */
export function measuringHandler({ desk, links, paired, otherwise }: MeasuringOptions): RequestHandler {
  const measure = linkMeter(links);
  return async (request) => {
    const { method, meta, signal } = request;
    if (method === profileMethod) {
      requireServer(request, paired);
      return encodeProfileAnswer(await desk.ask(parsed(profileRequest, meta, method), signal));
    }
    if (method === measureLinkMethod) {
      requireServer(request, paired);
      const { profile, via } = await measure(parsed(linkRequest, meta, method), signal);
      return { meta: { profile, via } };
    }
    return await otherwise(request);
  };
}

/** Measures links through the connections that requests use, one at a time. */
export function linkMeter(
  links: MeasuringOptions['links'],
): (request: LinkRequest, signal: IncomingRequest['signal']) => Promise<LinkAnswer> {
  let measuring = false;
  return async ({ to, addresses, budgetMs }, signal) => {
    if (measuring) throw new CutpointError('CUT_OVERLOADED', 'This device is measuring another link: try again later.');
    measuring = true;
    try {
      const { probePeer } = await import('@cutpoint/profile');
      links.update([{ device: to, addresses }]);
      await links.tried(to);
      const profile = await probePeer(links.to(to).peer(), to, { budgetMs, signal });
      return { profile, via: links.via(to) ?? to };
    } finally {
      measuring = false;
    }
  };
}

/** @throws CutpointError CUT_UNAUTHORISED */
function requireServer({ remote, method }: IncomingRequest, paired: boolean): void {
  if (!paired || remote.identity?.role === 'server') return;
  const who = remote.identity?.device ?? 'A device that has not proven who it is';
  throw new CutpointError('CUT_UNAUTHORISED', `${who} may not ask for ${method}: only the server of the fleet may.`);
}

function parsed<T>(schema: z.ZodType<T>, meta: unknown, method: string): T {
  const { data, error } = schema.safeParse(meta);
  if (error === undefined) return data as T;
  const [issue] = error.issues;
  const where = issue?.path.join('.') || 'the request';
  throw new CutpointError('CUT_INPUT', `A request for ${method} cannot be read: ${where}: ${issue?.message ?? ''}.`);
}
