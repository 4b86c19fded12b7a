import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface SilentServer extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
}

/** A server in a process of its own that never answers. */
export async function startSilentServer(url: string): Promise<SilentServer> {
  const script = `
    import { listen } from '@cutpoint/wire';
    const { url } = await listen({ url: '${url}', handler: () => new Promise(() => {}) });
    console.log(url);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    child,
    url: line.toString().trim(),
    async [Symbol.asyncDispose]() {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await exited;
    },
  };
}
