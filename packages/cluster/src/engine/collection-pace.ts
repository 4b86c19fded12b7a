import { setFlagsFromString } from 'node:v8';
import { collectGarbage } from '@cutpoint/llm/parts';

/** From so many tokens on a pass makes arrays of megabytes in every half layer. */
const leastTokens = 64;
/** How far the heap may then grow beyond what lives in it. */
const growingPercent = 200;

/**
 * Has V8 collect its whole heap less often while a prompt runs. It counts arrays outside its heap, too: with its own measure, about half of
 * what lives, a rank collected 30 times in a prompt of 512 tokens, which took a tenth of the time. The arrays live shortly and
 * are freed by what collects the young. Behind a prompt all are freed once, and V8's own measure holds: decoding is faster where
 * few dead arrays lie about.
 * The flag is the process's; it is read whenever a collection ends.
 */
export class CollectionPace {
  #seldom = false;

  /** A pass of so many tokens begins. */
  begin(tokens: number): void {
    const seldom = tokens >= leastTokens;
    if (seldom === this.#seldom) return;
    this.#seldom = seldom;
    setFlagsFromString(`--heap-growing-percent=${seldom ? growingPercent : 0}`);
    if (!seldom) collectGarbage('all');
  }
}
