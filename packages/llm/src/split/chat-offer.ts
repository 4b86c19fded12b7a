import { maxSpecLength } from '@cutpoint/codec';
import { z } from 'zod';
import { sha256 } from '../package/manifest-schema.js';
import { longestManifestBytes } from '../package/package-manifest.js';

/** What pages find this offer under. */
export const chatOfferName = 'chat';

/**
 * What a server offers to pages that run the layers of its language model before a cut. Files are fetched by their hashes;
 * the manifest, which names all others, is such a file.
 */
export const chatOfferSchema = z.object({
  manifest: z.object({ sha256, bytes: z.int().min(2).max(longestManifestBytes) }),
  /** Where files are found, followed by their hashes; beside the page's folder. */
  files: z.string().max(64),
  /** The only cut that is served; null where the page may choose. */
  at: z.int().min(0).nullable(),
  /** Where the server would cut: as few layers as keep words off the wire where it has no cut of its own. */
  advisedAt: z.int().min(0),
  /** By what hidden states may cross; the first is advised. */
  codecs: z.array(z.string().min(1).max(maxSpecLength)).min(1).max(64),
});
export type ChatOffer = z.output<typeof chatOfferSchema>;
