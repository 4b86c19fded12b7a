import { CutpointError } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { decoderConfigSchema } from '../package/manifest-schema.js';

/** Returns the config if a package may state it. @throws CutpointError CUT_CHECKPOINT */
export function requireConsistent(config: DecoderConfig, source: string): DecoderConfig {
  const { success, error } = decoderConfigSchema.safeParse(config);
  if (success) return config;
  const [issue] = error.issues;
  const place = issue?.path.join('.');
  const fault = `${place ? `${place}: ` : ''}${issue?.message ?? 'not valid'}`;
  throw new CutpointError('CUT_CHECKPOINT', `${source} does not describe a decoder that can run (${fault}).`);
}
