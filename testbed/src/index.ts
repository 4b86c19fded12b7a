export type { DeviceKind } from './devices/device-messages.js';
export { type MemoryLimit, runLimited } from './devices/memory-limit.js';
export { type Device, type DeviceOptions, startDevice } from './devices/start-device.js';
export type { EmulatedLink, LinkEmulation, LinkStats, Network } from './links/emulated-link.js';
export {
  type DirectionParameters,
  type LinkParameters,
  linkParametersOf,
  type Trace,
  type TracePoint,
} from './links/link-parameters.js';
export { type EmulationChoice, type NetworkOptions, openNetwork } from './links/network.js';
export { whyNoNetns } from './links/probe-netns.js';
export { openProxyLink, type ProxyLinkOptions } from './links/proxy-link.js';
export { parseTrace } from './links/trace.js';
export { byModel } from './report/by-model.js';
export { rankingText, verdicts } from './report/measured-front.js';
export { errorPct, errorsOf, type ResultRow, type Results, resultsSchema } from './report/results.js';
export { writeReport } from './report/write-report.js';
export { runTestbed } from './runner/run-testbed.js';
export type { TestbedOptions } from './runner/testbed-options.js';
export { listScenarios } from './scenarios/list-scenarios.js';
export { type LoadedScenario, loadScenario } from './scenarios/load-scenario.js';
export {
  openScenarioModel,
  type ProfileRequest,
  problemFor,
  profilesFor,
  type ScenarioModel,
} from './scenarios/problem-for.js';
export { withRunnableCodecs } from './scenarios/runnable-codecs.js';
