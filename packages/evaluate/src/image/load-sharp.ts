import { CutpointError, messageOf } from '@cutpoint/core';
import type sharp from 'sharp';

export type Sharp = typeof sharp;

/** How the library is found; tests replace it. */
export type ImportSharp = () => Promise<{ readonly default: Sharp }>;

/**
 * The optional library that reads, scales and writes pictures.
 * @throws CutpointError CUT_IMAGE_LIBRARY where it is not installed, or has no build for this machine.
 */
export async function loadSharp(load: ImportSharp = () => import('sharp')): Promise<Sharp> {
  try {
    const { default: loaded } = await load();
    // Pictures come one after the other, each once.
    loaded.cache(false);
    return loaded;
  } catch (cause) {
    const [reason] = messageOf(cause).trim().split('\n');
    throw new CutpointError(
      'CUT_IMAGE_LIBRARY',
      `Pictures are read and written by the optional package sharp, which cannot be loaded (${reason}): run \`npm install sharp\`.`,
      { cause },
    );
  }
}
