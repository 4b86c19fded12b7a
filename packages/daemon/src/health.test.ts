import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { healthHandler, startHealth } from './health.js';

const code = (expected: string) => expect.objectContaining({ code: expected });

async function withHealth(ready: () => boolean, ask: (url: string) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => void lines.push(line) });
  const handler = healthHandler(() => ({ ready: ready(), server: 'away' }));
  await using _ = await startHealth({ health: '127.0.0.1:0', insecure: false }, handler, log);
  const { url } = JSON.parse(lines[0] ?? '{}') as { url: string };
  await ask(url);
}

describe('the health endpoint', () => {
  it('is alive whatever happens and ready when the daemon says so', async () => {
    let ready = false;
    await withHealth(
      () => ready,
      async (url) => {
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
        const notYet = await fetch(`${url}/readyz`);
        expect([notYet.status, await notYet.json()]).toEqual([503, { ready: false, server: 'away' }]);
        ready = true;
        expect((await fetch(`${url}/readyz?verbose`)).status).toBe(200);
      },
    );
  });

  it('answers nothing else', async () => {
    await withHealth(
      () => true,
      async (url) => {
        expect((await fetch(`${url}/`)).status).toBe(404);
        expect((await fetch(`${url}/readyz`, { method: 'POST', body: 'x' })).status).toBe(405);
        const head = await fetch(`${url}/healthz`, { method: 'HEAD' });
        expect([head.status, await head.text()]).toEqual([200, '']);
      },
    );
  });

  it('stays on loopback, and says what is wrong with its address', async () => {
    const log = pino({ level: 'silent' });
    const handler = healthHandler(() => ({ ready: true }));
    const start = (health: string) => startHealth({ health, insecure: false }, handler, log);
    await expect(start('0.0.0.0:0')).rejects.toThrow(code('CUT_INSECURE_BIND'));
    await expect(start('7402')).rejects.toThrow(code('CUT_USAGE'));
    await withHealth(
      () => true,
      async (url) => {
        await expect(start(new URL(url).host)).rejects.toThrow(code('CUT_BIND'));
      },
    );
  });
});
