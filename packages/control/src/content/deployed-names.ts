import { CutpointError } from '@cutpoint/core';

/** Cuts and file names of bounded length, of a few letters, and no way to climb out of a folder. */
const splitPattern = /^(?:whole|cut((?:-(?:0|[1-9]\d{0,8})){1,63}))$/;
const filePattern = /^(?:segments\.json|segment-\d{1,2}\.onnx(?:\.data)?)$/;
const tablePattern = /^[0-9a-z]([0-9a-z-]{0,126}[0-9a-z])?\.table$/;

/** Where a file of a deployment belongs: with a split of the model, or with the tables of codecs. */
export type DeployedPlace =
  | { readonly kind: 'split'; readonly at: readonly number[]; readonly folder: string; readonly file: string }
  | { readonly kind: 'table'; readonly folder: 'tables'; readonly file: string };

/** The name of a split: `whole`, or `cut-5-12`. */
export function splitName(at: readonly number[]): string {
  return at.length === 0 ? 'whole' : `cut-${at.join('-')}`;
}

/** The name of one of its files in a deployment, as the segments writer calls it. */
export function splitFileName(at: readonly number[], file: string): string {
  return `${splitName(at)}/${file}`;
}

/** The name of a table of a codec in a deployment. */
export function tableFileName(table: string): string {
  return `tables/${table}.table`;
}

/**
 * Reads the name of a file, which came over the network: only names that are made as above are any.
 * @throws CutpointError CUT_DEPLOYMENT
 */
export function deployedPlace(name: string): DeployedPlace {
  const [folder = '', file = '', ...more] = name.split('/');
  if (more.length === 0 && folder === 'tables' && tablePattern.test(file)) return { kind: 'table', folder, file };
  const split = splitPattern.exec(folder);
  if (more.length === 0 && split !== null && filePattern.test(file)) {
    const at = (split[1] ?? '').split('-').slice(1).map(Number);
    return { kind: 'split', at, folder, file };
  }
  throw new CutpointError(
    'CUT_DEPLOYMENT',
    `A deployment names the file ${JSON.stringify(name)}, which can be none of it.`,
  );
}
