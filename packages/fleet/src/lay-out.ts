import { link, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeployedPlace, deployedPlace, type Hold } from '@cutpoint/control';
import { CutpointError, systemReason } from '@cutpoint/core';

/** A file of a deployment, in the store. */
export interface FetchedFile {
  readonly name: string;
  readonly hold: Hold;
}

/** Where the files of a deployment lie under the names that belong together. */
export interface LaidOut {
  readonly folder: string;
  /** The ways in which the model is split, each with the folder that has its `segments.json`. */
  readonly splits: readonly { readonly at: readonly number[]; readonly folder: string }[];
  /** Undefined where there are none. */
  readonly tables: string | undefined;
}

/**
 * Gives files of the store their names, as a segment and its weights must lie beside one another: by links, so that they
 * take no room twice.
 * @throws CutpointError CUT_DEPLOYMENT if a name is none, CUT_FILE_WRITE.
 */
export async function layOut(folder: string, files: readonly FetchedFile[]): Promise<LaidOut> {
  const placed = files.map(({ name, hold }) => ({ place: deployedPlace(name), hold }));
  try {
    await rm(folder, { recursive: true, force: true });
    for (const { place, hold } of placed) {
      await mkdir(join(folder, place.folder), { recursive: true });
      await link(hold.path, join(folder, place.folder, place.file));
    }
  } catch (cause) {
    const message = `The files of a deployment cannot be linked into ${folder}: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause });
  }
  return {
    folder,
    splits: placed
      .flatMap(({ place }) => splitIn(place))
      .map(({ at, folder: name }) => ({ at, folder: join(folder, name) })),
    tables: placed.some(({ place }) => place.kind === 'table') ? join(folder, 'tables') : undefined,
  };
}

function splitIn(place: DeployedPlace): Extract<DeployedPlace, { kind: 'split' }>[] {
  return place.kind === 'split' && place.file === 'segments.json' ? [place] : [];
}
