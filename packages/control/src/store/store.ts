import { join } from 'node:path';
import { Audit } from './audit.js';
import { Deployments } from './deployments.js';
import { Devices } from './devices.js';
import { ownFolder } from './owner-lock.js';
import { migrate } from './schema.js';
import { Sql } from './sql.js';
import { Tokens } from './tokens.js';

/** What a server remembers. Calls are synchronous, and what they changed is on the disk when they return. */
export interface Store extends Disposable {
  readonly devices: Devices;
  readonly tokens: Tokens;
  readonly deployments: Deployments;
  readonly audit: Audit;
  /** Does all of `work` or nothing of it. */
  transaction<T>(work: () => T): T;
}

/**
 * Opens the store in a folder, or makes it, and keeps every other process out until it is disposed.
 * @throws CutpointError CUT_STORE if another process has it, it is damaged or of a newer version; CUT_FILE_WRITE
 */
export function openStore(folder: string): Store {
  const ownership = ownFolder(folder);
  let sql: Sql | undefined;
  try {
    const opened = new Sql(join(folder, 'store.db'));
    sql = opened;
    migrate(opened);
    return {
      devices: new Devices(opened),
      tokens: new Tokens(opened),
      deployments: new Deployments(opened),
      audit: new Audit(opened),
      transaction: (work) => opened.transaction(work),
      [Symbol.dispose]() {
        opened[Symbol.dispose]();
        ownership[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    sql?.[Symbol.dispose]();
    ownership[Symbol.dispose]();
    throw thrown;
  }
}
