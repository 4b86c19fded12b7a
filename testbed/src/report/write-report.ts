import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError, messageOf } from '@cutpoint/core';
import { csvOf } from './csv.js';
import { type Results, resultsSchema } from './results.js';

/**
 * Writes results.json, results.csv, report.html and report.svg into a folder, which is made if need be. Each file is
 * complete or as it was.
 * @throws CutpointError CUT_INTERNAL if the results break their schema, CUT_FILE_WRITE.
 */
export async function writeReport(folder: string, results: Results): Promise<void> {
  const checked = resultsSchema.safeParse(results);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new CutpointError('CUT_INTERNAL', `The results are wrong at ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  // Loaded where a report is written: what draws the charts is large.
  const [{ htmlOf }, { svgOf }] = await Promise.all([import('./html.js'), import('./svg.js')]);
  const files = {
    'results.json': `${JSON.stringify(checked.data, null, 2)}\n`,
    'results.csv': csvOf(checked.data.rows),
    'report.html': htmlOf(checked.data),
    'report.svg': svgOf(checked.data),
  };
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const partial = join(folder, `.${name}.partial`);
      await writeFile(partial, text);
      await rename(partial, join(folder, name));
    }
  } catch (thrown) {
    throw new CutpointError('CUT_FILE_WRITE', `The report cannot be written to ${folder}: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
}
