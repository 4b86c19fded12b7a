import { CutpointError, type DType } from '@cutpoint/core';
import { floatTypes } from '../floats.js';
import { type CodecSpec, parseSpec } from '../spec/spec.js';
import { extentOf, type TransformTable } from './table.js';

/** Tables by the names that specs give them: `transform:table=NAME`. */
export type TransformTables = ReadonlyMap<string, TransformTable>;

/** Digits of a hash in a name: enough that no two tables share them by chance. */
const digits = 16;

/**
 * The name of a table: a label for people, and the first digits of the hash of its file. So two devices that know a table
 * by the same name have the same table.
 * @param sha256 of what `printTransformTable` makes of it, in hex.
 */
export function transformTableName(label: string, sha256: string): string {
  return `${label}-${sha256.slice(0, digits)}`;
}

/** Whether a table whose file has this hash may have that name. */
export function isTableName(name: string, sha256: string): boolean {
  return name.endsWith(transformTableName('', sha256));
}

const beginning = 'transform:';
/** Most names that an error lists. */
const mostListed = 8;

/**
 * The table that a spec needs beside itself; undefined if it needs none.
 * @throws CutpointError CUT_USAGE for a wrong spec of a transform.
 */
export function tableNamed(text: string): string | undefined {
  return text.startsWith(beginning) ? tableNameIn(parseSpec(text)) : undefined;
}

/** The table that a transform's spec names. @throws CutpointError CUT_USAGE if the spec has filters or an entropy stage. */
export function tableNameIn({ filters, base, entropy }: CodecSpec): string {
  if (filters.length === 0 && !entropy) return String(base.values.get('table'));
  const message = 'The codec transform stands alone: it takes no filter before it, and codes its numbers itself.';
  throw new CutpointError('CUT_USAGE', message);
}

/** @throws CutpointError CUT_CODEC_TABLE if there is no table of that name. */
export function requireTable(tables: TransformTables, name: string): TransformTable {
  const table = tables.get(name);
  if (table !== undefined) return table;
  const listed = [...tables.keys()].slice(0, mostListed).join(', ');
  const more = tables.size > mostListed ? ` and ${tables.size - mostListed} more` : '';
  const there = tables.size === 0 ? 'there are none' : `there are ${listed}${more}`;
  const message = `The codec transform has no table "${name}" here (${there}): give --codec-tables what \`cutpoint calibrate\` wrote.`;
  throw new CutpointError('CUT_CODEC_TABLE', message);
}

/** A cut of a model, as a table has to know it. */
export interface TableCut {
  readonly modelHash: string;
  readonly index: number;
  readonly tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[];
}

/**
 * Makes sure that a table was made for what crosses a cut.
 * @throws CutpointError CUT_CODEC_TABLE if it is of another model, cut or tensor, or not all floats that cross are its.
 */
export function requireFit(name: string, table: TransformTable, { modelHash, index, tensors }: TableCut): void {
  if (table.modelHash !== modelHash) throw unfit(name, 'is of another model');
  if (table.cut !== index) throw unfit(name, `is of cut ${table.cut}, not of cut ${index}`);
  const [tensor, ...others] = tensors.filter(({ dtype }) => floatTypes.some((type) => type === dtype));
  if (tensor?.name !== table.tensor || others.length > 0) throw unfit(name, `is of "${table.tensor}" alone`);
  if (extentOf(table.geometry, tensor.shape) === undefined) throw unfit(name, 'is of another shape');
}

function unfit(name: string, why: string): CutpointError {
  const message = `The table "${name}" ${why}: take one that was calibrated for what crosses here.`;
  return new CutpointError('CUT_CODEC_TABLE', message);
}
