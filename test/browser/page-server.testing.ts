import { Process, until } from '../processes.testing.js';

/** A server with its page, as its user starts it. */
export interface PageServer extends AsyncDisposable {
  readonly process: Process;
  /** Where the page is. */
  readonly url: string;
}

/** Starts `cutpoint serve` with a page. */
export async function servePage(...args: readonly string[]): Promise<PageServer> {
  const process = new Process(['serve', ...args, '--listen', 'ws://127.0.0.1:0', '--http', '127.0.0.1:0', '--json']);
  try {
    await process.url();
    const pageOf = () => process.log().find(({ msg }) => msg === 'page for browsers')?.url;
    await until(() => pageOf() !== undefined, `the server tells where its page is; it said:\n${process.stderr}`);
    return { process, url: String(pageOf()), [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
  } catch (thrown) {
    await process[Symbol.asyncDispose]();
    throw thrown;
  }
}
