import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { z } from 'zod';

/** What a page needs beside the model to show a picture's answer in words. */
export type PageAnswer =
  | { readonly kind: 'numbers' }
  /** The name of every class of a classifier. */
  | { readonly kind: 'classes'; readonly labels: readonly string[] }
  /** The model reads lines of text as PaddleOCR's recognisers do; the characters it knows, one a line. */
  | { readonly kind: 'text line'; readonly keys: string };

const maxBytes = 1_000_000;
const file = z.string().min(1).max(1000);
const pageFile = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('classes'), labels: file }),
  z.strictObject({ kind: z.literal('text line'), keys: file }),
]);

/** Where it is declared: `model.page.json` beside the model. */
export function pageFileBeside(modelPath: string): string {
  return modelPath.replace(/\.onnx$/i, '').concat('.page.json');
}

/**
 * Reads what the file beside a model says of its answers, and the texts that it names.
 * @throws CutpointError CUT_CONFIG, CUT_FILE_NOT_FOUND
 */
export async function readPageFile(modelPath: string): Promise<PageAnswer> {
  const path = pageFileBeside(modelPath);
  const text = await readText(path, false);
  if (text === undefined) return { kind: 'numbers' };
  const declared = pageFile.safeParse(parsed(text));
  if (!declared.success) {
    const why = z.prettifyError(declared.error).replaceAll('\n', ' ');
    throw new CutpointError('CUT_USAGE', `${path} does not say what the answers of the model are: ${why}`);
  }
  const beside = async (name: string) => (await readText(resolve(dirname(path), name), true)) ?? '';
  if (declared.data.kind === 'text line') return { kind: 'text line', keys: await beside(declared.data.keys) };
  return { kind: 'classes', labels: (await beside(declared.data.labels)).trimEnd().split(/\r?\n/) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is none of the forms either, and is told so.
    return undefined;
  }
}

async function readText(path: string, mustExist: boolean): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new CutpointError('CUT_USAGE', `${path} has ${size} bytes; it may have ${maxBytes}.`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof CutpointError) throw cause;
    if (!mustExist && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
}
