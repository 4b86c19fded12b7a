export { cutInTwo } from './cut-in-two.js';
export { endpointSettings } from './endpoint-settings.js';
export type { HealthReport } from './health.js';
export { type Daemon, runUntilStopped } from './lifetime.js';
export { type Log, openLog } from './log.js';
export { isLoopback } from './loopback.js';
export { modelSettings, segmentOptionsOf, splitOptionsOf } from './model-settings.js';
export { OpenResources } from './open-resources.js';
export { readCertificateFile, readTokenFile } from './secrets.js';
export { resolveSettings } from './settings/resolve.js';
export {
  type Setting,
  type SettingKind,
  type SettingsOf,
  type SettingsSchema,
  settingsOf,
} from './settings/setting.js';
export { defaultText, settingsTable } from './settings/table.js';
export { type StageDescription, stageDescription } from './stage-description.js';
export { startDaemon } from './start-daemon.js';
export { version } from './version.js';
