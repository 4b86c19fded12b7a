import {
  type Daemon,
  type Log,
  openLog,
  RecentLines,
  resolveSettings,
  runUntilStopped,
  type SettingsOf,
  type SettingsSchema,
} from '@cutpoint/daemon';
import type { Command } from 'commander';
import { writeOut } from './output/result.js';
import { addSettings, flagsOf } from './settings-flags.js';

interface DaemonSettings {
  readonly graceMs: number;
  readonly logLevel: string;
  readonly logFormat: 'auto' | 'json' | 'pretty';
}

/**
 * Makes a verb run a daemon: reads its settings, starts it, says where it listens and keeps it until it is stopped.
 * With `--json` the one object on stdout is `{"ready":true,"url","pid"}`, written once requests are taken, so that
 * a parent process can wait for it.
 */
export function configureDaemon<S extends SettingsSchema>(
  command: Command,
  schema: S,
  start: (settings: SettingsOf<S>, context: { log: Log; recent: RecentLines }) => Promise<Daemon>,
): void {
  addSettings(command, schema);
  command.option('--stop-with-stdin', 'stop when standard input ends, as it does when the parent process dies');
  command.action(async () => {
    const { json, config, stopWithStdin } = command.opts<{ json?: true; config?: string; stopWithStdin?: true }>();
    const flags = flagsOf(schema, command);
    const settings = await resolveSettings(schema, { flags, env: process.env, configFile: config });
    const { graceMs, logLevel, logFormat } = settings as DaemonSettings;
    const recent = new RecentLines();
    const log = openLog({ name: command.name(), level: logLevel, format: logFormat, keep: recent });
    const daemon = await start(settings, { log, recent });
    // A parent that has read the line may stop the daemon at once, so signals are listened to before it is written.
    const stopped = runUntilStopped(daemon, { graceMs, log, stdin: stopWithStdin ? process.stdin : undefined });
    if (json) await writeOut(`${JSON.stringify({ ready: true, url: daemon.url, pid: process.pid })}\n`);
    await stopped;
  });
}
