import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Node hides its collector unless it is asked for; `collectGarbage` calls it where it is there.
setFlagsFromString('--expose-gc');
globalThis.gc = runInNewContext('gc');
