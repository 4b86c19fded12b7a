import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isLicenceFile } from './keep.mjs';

/**
 * The licences of all packages as one text. A package without a text of its own is listed with what its manifest says.
 * @param {readonly { folder: string, manifest: Record<string, any> }[]} packages
 */
export function licencesOf(packages) {
  const sections = packages.map(({ folder, manifest }) => {
    const texts = readdirSync(folder)
      .filter(isLicenceFile)
      .sort()
      .map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
    const stated = `Its manifest states the licence ${licenceOf(manifest)}; it carries no text of its own. ${sourceOf(manifest)}`;
    const heading = `${manifest.name} ${manifest.version} (${licenceOf(manifest)})`;
    return `${heading}\n${'='.repeat(heading.length)}\n\n${texts.length > 0 ? texts.join('\n\n') : stated.trim()}\n`;
  });
  return `The packages below are part of this archive.\n\n${sections.join('\n\n')}`;
}

/** What a manifest says of a licence. */
export function licenceOf({ license, licenses }) {
  const stated = license?.type ?? license ?? licenses?.map(({ type }) => type).join(' OR ');
  return stated ?? 'not stated';
}

function sourceOf({ author, repository }) {
  const url = repository?.url ?? repository;
  const name = author?.name ?? author;
  return [name && `Author: ${name}.`, url && `Source: ${url}`].filter(Boolean).join(' ');
}
