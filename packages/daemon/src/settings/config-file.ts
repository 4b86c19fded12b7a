import { readFile, stat } from 'node:fs/promises';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';
import { parse } from 'yaml';

const maxConfigBytes = 1_000_000;

/**
 * Reads a YAML file that holds one mapping of settings; an empty file is an empty mapping.
 * @throws CutpointError CUT_FILE_NOT_FOUND if it cannot be read, CUT_USAGE if it is no such file.
 */
export async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const content = parseYaml(path, await readText(path));
  if (content === null || content === undefined) return {};
  if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
  throw new CutpointError('CUT_USAGE', `The configuration file ${path} must be a list of "name: value" lines.`);
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxConfigBytes) {
      throw new CutpointError('CUT_USAGE', `The configuration file ${path} has ${size} bytes; 1 MB is the limit.`);
    }
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    const message = `The configuration file ${path} cannot be read: ${systemReason(thrown)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause: thrown });
  }
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, prettyErrors: true });
  } catch (thrown) {
    // The lines behind the first are a picture of the place.
    const [firstLine = ''] = messageOf(thrown).split('\n');
    const reason = firstLine.replace(/[\s:.]+$/, '');
    throw new CutpointError('CUT_USAGE', `The configuration file ${path} is not valid YAML: ${reason}.`, {
      cause: thrown,
    });
  }
}
