import { openIndexedFiles } from './indexed-files.js';
import type { KeptFiles } from './kept-files.js';
import { memoryFiles } from './memory-files.js';
import { untilFull } from './until-full.js';

/** Why files are fetched again after a reload: there is no room for more, or this browser keeps nothing for the page. */
export type NotKept = 'full' | 'nothing is kept';

/**
 * Files that the browser keeps for this page, and those of the moment where it keeps none.
 * @param name of the database: models of chats and segments are let go on occasions of their own.
 */
export async function openFiles(
  name: 'cutpoint-files' | 'cutpoint-segments',
  onNotKept: (why: NotKept) => void,
): Promise<KeptFiles> {
  try {
    return untilFull(await openIndexedFiles(name), () => onNotKept('full'));
  } catch (thrown) {
    if (!(thrown instanceof DOMException)) throw thrown;
    onNotKept('nothing is kept');
    return memoryFiles();
  }
}
