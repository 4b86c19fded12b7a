import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Log } from '@cutpoint/daemon';
import type { PageFolders } from '@cutpoint/http';
import { pageFolder } from '@cutpoint/web';

/** Where the page's files are, with those of onnxruntime-web if it is installed. */
export function pageFolders(log: Log): PageFolders {
  return { page: pageFolder, runtime: runtimeFolder(log) };
}

function runtimeFolder(log: Log): PageFolders['runtime'] {
  const { resolve } = createRequire(import.meta.url);
  try {
    const folder = pathToFileURL(`${dirname(resolve('onnxruntime-web/wasm'))}/`);
    const { version } = JSON.parse(readFileSync(new URL('../package.json', folder), 'utf8')) as { version: string };
    return { folder, version };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw thrown;
    log.info('onnxruntime-web is not installed: pages cannot run front segments (npm install onnxruntime-web@1.30.0)');
    return undefined;
  }
}
