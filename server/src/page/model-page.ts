import { CutpointError } from '@cutpoint/core';
import { type Log, type OpenResources, type SplitSource, splitChoice } from '@cutpoint/daemon';
import type { PageOptions } from '@cutpoint/http';
import type { Meta, RequestHandler } from '@cutpoint/wire';
import type { FastifyInstance } from 'fastify';
import { contentRoutes } from '../fleet/content-routes.js';
import { FrontSegments } from './front-segments.js';
import { type PageAnswer, readPageFile } from './page-file.js';
import { pageFolders } from './page-folders.js';
import { withOffer } from './with-offer.js';

export interface ModelPageParts {
  readonly name: string;
  readonly source: SplitSource;
  /** Where the model is. */
  readonly model: string;
  /** Answers requests for the segments behind the first cut. */
  readonly handler: RequestHandler;
  readonly opened: OpenResources;
  readonly log: Log;
}

/** Codecs that pages offer: none, and those that lose little. A device of a fleet is told another by its plan. */
const codecs = ['raw', 'f16', 'affine:bits=8+rans', 'affine:bits=4,per=channel+rans', 'ts-tabq+rans'] as const;

/** A page by which a browser runs the front segment of a model: its socket's methods, and the routes of the files. */
export async function modelPage(parts: ModelPageParts): Promise<{
  readonly page: PageOptions;
  readonly extend: (app: FastifyInstance) => Promise<void>;
}> {
  const { source, handler, opened, log, name, model } = parts;
  const segments = opened.add(await FrontSegments.open(source));
  const answer = await readPageFile(model);
  const withSegments: RequestHandler = async (request) =>
    request.method === 'segment' ? { meta: { ...(await segments.of(atOf(request.meta))) } } : await handler(request);
  const offered = offerOf(source, model, answer);
  return {
    page: { folders: pageFolders(log), handler: withOffer(withSegments, () => ({ model: offered })), name },
    extend: contentRoutes(segments.content, log),
  };
}

function offerOf(
  { modelHash, inputs, outputs, choices, pictures }: SplitSource,
  model: string,
  answer: PageAnswer,
): Meta {
  return {
    name: model.replace(/^.*[\\/]/, '').replace(/\.onnx$/i, ''),
    modelHash,
    inputs: inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] })),
    outputs: [...outputs],
    choices: choices.map(({ at, name, bytes }) => ({ at: [...at], name, bytes })),
    codecs: [...codecs],
    pictures: pictures ?? null,
    answer,
  };
}

function atOf({ at }: Meta): readonly number[] {
  const choice = splitChoice.safeParse({ at, codecs: Array.isArray(at) ? at.map(() => 'raw') : [] });
  if (choice.success) return choice.data.at;
  throw new CutpointError('CUT_INPUT', 'The request does not say where the model is cut: it must give at.');
}
