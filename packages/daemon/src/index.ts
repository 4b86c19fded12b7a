export { addressesOf, addressesSetting, addressHelp, addressSetting, isAddress } from './address.js';
export { type AnsweredOptions, AnsweredRequests, type RequestKey } from './answered-requests.js';
export { checkBrokerAddress } from './broker-address.js';
export { codecTablesFrom, openCodecTables, shippedTablesOf, tablesFolderOf, writeCodecTables } from './codec-tables.js';
export { checkServer, checkStage, connectServer, type ServerAddress } from './connect-stage.js';
export { CutCodecs, openCutCodecs } from './cut-codecs.js';
export { Deadline } from './deadline.js';
export { DeployedModel, type DeployedModelOptions, type DeployedSplit } from './deployed-model.js';
export { allowInsecure, isEncrypted } from './endpoint.js';
export { endpointSettings } from './endpoint-settings.js';
export { Admission, type AdmissionOptions } from './failover/admission.js';
export { type BreakerOptions, type BreakerState, CircuitBreaker, type Passage } from './failover/circuit-breaker.js';
export { isClimbable } from './failover/climbable.js';
export { type Clock, systemClock } from './failover/clock.js';
export { checkGeneration } from './failover/generation.js';
export { HedgeBudget } from './failover/hedge-budget.js';
export { type ClimbOptions, climb } from './failover/ladder.js';
export { Pace, type PaceEstimate } from './failover/pace.js';
export type { Climbed, Rung, RungOptions, TriedRung } from './failover/rung.js';
export { fewRepeats } from './few-repeats.js';
export { brokerSetting, brokerToFindSetting, deviceSettings, findFleet, nameSetting } from './fleet-settings.js';
export type { HealthReport } from './health.js';
export { type HopReport, type HopTimes, hopTimes, stageTimesOf } from './hop-times.js';
export { hostOf } from './host-of.js';
export { readHostPort } from './host-port.js';
export {
  type Dialled,
  type KeepOptions,
  keepConnected,
  keepDialling,
  keepTrying,
  type ServerConnection,
  type TriedConnection,
} from './keep-connected.js';
export { isLanguagePackage } from './language-package.js';
export { type Daemon, runUntilStopped } from './lifetime.js';
export { type Log, openLog } from './log.js';
export { logProblems } from './log-problems.js';
export { bareHost, isLoopback } from './loopback.js';
export {
  bitsSetting,
  maxStagesSetting,
  modelSettings,
  needModel,
  refuseBits,
  segmentOptionsOf,
  splitOptionsOf,
} from './model-settings.js';
export { type AskOptions, askNext, mergeOutputs, type NextAnswer, receive, type SentTensor } from './next-stage.js';
export { OpenResources } from './open-resources.js';
export { prettyLine } from './pretty-line.js';
export { readJson } from './read-json.js';
export { readText } from './read-text.js';
export { RecentLines } from './recent-lines.js';
export { type RequestTags, requestIdOf, requestKeyOf, tagsOf } from './request-tags.js';
export { bytesOf, Climber, type ClimberOptions, type FailoverCounts } from './run/climber.js';
export { FailoverRunner } from './run/failover-runner.js';
export { FrontResults } from './run/front-results.js';
export {
  needsServerFor,
  type Route,
  runSplit,
  type SplitParts,
  type SplitResult,
  type SplitRun,
  type SplitRunOptions,
  type SplitTiming,
} from './run/run-split.js';
export { readSplitAnswer } from './run/split-answer.js';
export { SplitRunner, type SplitRunnerOptions } from './run/split-runner.js';
export { type NextDevice, StageService, type StageServiceOptions } from './run/stage-service.js';
export type { LinkReport, LocalWay, ServerWay, SplitRung } from './run/ways.js';
export { readAuthorityFile, readCertificateFile, readKeyFile, readTokenFile } from './secrets.js';
export { reachSettings, serverAddressOf } from './server-address.js';
export { resolveSettings } from './settings/resolve.js';
export {
  type Setting,
  type SettingKind,
  type SettingsOf,
  type SettingsSchema,
  settingsOf,
} from './settings/setting.js';
export { defaultText, settingsTable } from './settings/table.js';
export { type CutChoice, openSplitSource, type PictureInput, type SplitSource } from './split-source.js';
export {
  codecSpec,
  codecsFor,
  needCuts,
  type SplitChoice,
  type StageRequest,
  splitChoice,
  stageRequest,
  stageRequestOf,
} from './stage-choice.js';
export { describeStage, type StageDescription, stageDescription } from './stage-description.js';
export { StageStore, stageKey } from './stage-store.js';
export { type FleetGuard, startDaemon } from './start-daemon.js';
export { stateFolder, stateHelp } from './state-folder.js';
export { type TextSettings, textLimitsOf, textSettings } from './text-settings.js';
export { version } from './version.js';
