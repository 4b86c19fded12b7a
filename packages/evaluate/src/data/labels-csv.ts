import { CutpointError } from '@cutpoint/core';

/** One row of `labels.csv`. */
export interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

/**
 * Reads a CSV file with a line of headings, of which `file` and `class_index` are used. Fields may stand in double quotes.
 * @throws CutpointError CUT_DATASET naming the line.
 */
export function parseLabels(text: string, what: string): LabelledFile[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const headings = fieldsOf(lines[0] ?? '');
  const columns = { file: headings.indexOf('file'), label: headings.indexOf('class_index') };
  if (columns.file < 0 || columns.label < 0) {
    throw new CutpointError('CUT_DATASET', `${what} needs a first line with the columns file and class_index.`);
  }
  return lines.flatMap((line, i): LabelledFile[] => {
    if (i === 0 || line.trim() === '') return [];
    const fields = fieldsOf(line);
    const file = fields[columns.file] ?? '';
    const label = fields[columns.label] ?? '';
    if (file !== '' && /^\d{1,9}$/.test(label)) return [{ file, label: Number(label) }];
    throw new CutpointError('CUT_DATASET', `Line ${i + 1} of ${what} needs a file and a class_index, 0 or more.`);
  });
}

function fieldsOf(line: string): string[] {
  const fields = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return Array.from(fields, ([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain ?? '').trim());
}
