import { setFlagsFromString } from 'node:v8';

/** How far the heap may grow beyond what lives in it before V8 collects all of it again. */
const growingPercent = 200;

/**
 * Has V8 collect the whole heap less often. It counts arrays outside its heap, too, and each half layer makes some of megabytes: with
 * V8's own measure, about half of what lives, a rank collected 30 times in a prompt of 512 tokens, which took a tenth of its time. The
 * arrays themselves live shortly and are freed by what collects the young. Holds for the process. Node warns of flags that change what is
 * compiled; this one is read whenever a collection ends.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
}
