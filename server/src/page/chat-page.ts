import { contentPath } from '@cutpoint/control';
import type { Log } from '@cutpoint/daemon';
import type { PageOptions } from '@cutpoint/http';
import type { ChatOffer, DecoderHost } from '@cutpoint/llm';
import type { FastifyInstance } from 'fastify';
import { contentRoutes } from '../fleet/content-routes.js';
import { packageContent } from './package-content.js';
import { pageFolders } from './page-folders.js';
import { withOffer } from './with-offer.js';

/** What a door serves to pages that chat. */
export interface ChatPage {
  readonly page: PageOptions;
  /** The files that they fetch. */
  readonly extend: (app: FastifyInstance) => Promise<void>;
}

export interface ChatPageParts {
  /** The package's. */
  readonly folder: string;
  readonly host: DecoderHost;
  /** The only cut that is served. */
  readonly at: number | undefined;
  /** How the server introduces itself. */
  readonly name: string;
  readonly log: Log;
}

/** Codecs that need no table; f16 loses nothing that is seen in a text. */
const codecs = ['f16', 'raw', 'affine:bits=8,per=token', 'affine:bits=4,per=token'];

/** A page runs the layers before the cut, and asks the server's host for the rest. */
export async function chatPage({ folder, host, at, name, log }: ChatPageParts): Promise<ChatPage> {
  const { manifest, manifestHash } = host;
  const { layers } = manifest.config;
  const content = await packageContent({ folder, manifest, manifestHash, layersBefore: at ?? layers - 1 });
  const folders = pageFolders(log);
  const chat: ChatOffer = {
    manifest: { sha256: manifestHash, bytes: content.manifestBytes },
    files: contentPath,
    at: at ?? null,
    advisedAt: at ?? Math.min(1, layers - 1),
    codecs,
  };
  const page = { folders, handler: withOffer(host.handler, () => ({ chat })), name };
  return { page, extend: contentRoutes(content, log, 'infer') };
}
