import { resolveSettings } from '@cutpoint/daemon';
import { agentSettings } from '@cutpoint/edge-agent';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addSettings, flagsOf } from './settings-flags.js';

async function settingsFrom(args: readonly string[], env: Record<string, string> = {}) {
  const command = new Command('agent').exitOverride().configureOutput({ outputError: () => {} });
  addSettings(command, agentSettings);
  command.parse([...args], { from: 'user' });
  return await resolveSettings(agentSettings, { flags: flagsOf(agentSettings, command), env });
}

describe('the flags of a daemon', () => {
  it('are all of its settings', async () => {
    const settings = await settingsFrom(
      'm.onnx --at 3 --dim a=1 --dim b=2 --server ws://h:1 --isolate --log-level warn --max-queue 7'.split(' '),
    );
    expect(settings).toMatchObject({
      model: 'm.onnx',
      at: [3],
      dim: { a: 1, b: 2 },
      server: 'ws://h:1',
      isolate: true,
      logLevel: 'warn',
      maxQueue: 7,
      insecure: false,
    });
  });

  it('turn a switch on or off against the environment, or leave it alone', async () => {
    const env = { CUTPOINT_INSECURE: 'true' };
    expect(await settingsFrom(['m.onnx'], env)).toMatchObject({ insecure: true });
    expect(await settingsFrom(['m.onnx', '--no-insecure'], env)).toMatchObject({ insecure: false });
    expect(await settingsFrom(['m.onnx', '--insecure'])).toMatchObject({ insecure: true });
  });

  it('take the model from the environment where it is not an argument', async () => {
    expect(await settingsFrom([], { CUTPOINT_MODEL: 'e.onnx' })).toMatchObject({ model: 'e.onnx' });
    expect(await settingsFrom(['a.onnx'], { CUTPOINT_MODEL: 'e.onnx' })).toMatchObject({ model: 'a.onnx' });
  });

  it('refuse what is no choice, and more arguments than one', async () => {
    await expect(settingsFrom(['m.onnx', '--log-level', 'loud'])).rejects.toThrow(/trace, debug/);
    await expect(settingsFrom(['m.onnx', 'n.onnx'])).rejects.toThrow(/too many arguments/);
  });
});
