import type { Verb, VerbName } from '../verb.js';

/** A verb whose code is loaded when it is called: on a Raspberry Pi each import is felt. */
export interface VerbEntry extends VerbName {
  load(): Promise<Verb>;
}

/** Every verb, in the order of the help text. */
export const verbs: readonly VerbEntry[] = [
  {
    name: 'cuts',
    summary: 'Lists where a model can be cut, and what would cross.',
    load: async () => (await import('./cuts.js')).cuts,
  },
  {
    name: 'plan',
    summary: 'Computes the Pareto front of where to cut for given devices and links, and whether cutting is worth it.',
    load: async () => (await import('./plan.js')).plan,
  },
  {
    name: 'split',
    summary: 'Writes the segments between cuts as ONNX files, with a segments.json that agent and server read.',
    load: async () => (await import('./split.js')).split,
  },
  {
    name: 'verify',
    summary: 'Runs a model whole and split at its cuts, and compares the answers.',
    load: async () => (await import('./verify.js')).verify,
  },
  {
    name: 'run',
    summary: 'Runs a model once, cut in two, and shows the outputs and where the time went.',
    load: async () => (await import('./run.js')).run,
  },
  {
    name: 'serve',
    summary: 'Runs the segment behind the cut and answers agents.',
    load: async () => (await import('./serve.js')).serve,
  },
  {
    name: 'agent',
    summary: 'Runs the segment before the cut, sends what crosses to the server and answers with the result.',
    load: async () => (await import('./agent.js')).agent,
  },
  {
    name: 'devices',
    summary: 'Lists the devices of a fleet and how they do.',
    load: async () => (await import('./devices.js')).devices,
  },
  {
    name: 'deploy',
    summary: 'Puts a model on devices of a fleet: cut, with ways out when a device is gone, all or nothing.',
    load: async () => (await import('./deploy.js')).deploy,
  },
  {
    name: 'undeploy',
    summary: 'Takes a deployment off the devices of a fleet.',
    load: async () => (await import('./undeploy.js')).undeploy,
  },
  {
    name: 'rollback',
    summary: 'Makes a deployment what it was before its last change.',
    load: async () => (await import('./rollback.js')).rollback,
  },
  {
    name: 'status',
    summary: 'Shows what a fleet runs, and how far the last change is.',
    load: async () => (await import('./status.js')).status,
  },
  {
    name: 'logs',
    summary: 'Shows the last lines that a device of a fleet has logged.',
    load: async () => (await import('./logs.js')).logs,
  },
  {
    name: 'ask',
    summary: 'Asks a running agent for one inference, and shows the outputs and where the time went.',
    load: async () => (await import('./ask.js')).ask,
  },
  {
    name: 'pair',
    summary: 'Lets a device into the fleet with a one-time code.',
    load: async () => (await import('./pair.js')).pair,
  },
  {
    name: 'revoke',
    summary: 'Takes a device out of the fleet; its connections end at once.',
    load: async () => (await import('./revoke.js')).revoke,
  },
  {
    name: 'audit',
    summary: 'Shows who changed what in a fleet: devices, tokens, deployments, refusals.',
    load: async () => (await import('./audit.js')).audit,
  },
  {
    name: 'token',
    summary: 'Makes, lists and revokes tokens for the HTTP API.',
    load: async () => (await import('./token.js')).token,
  },
  {
    name: 'broker-config',
    summary: 'Writes what Mosquitto or EMQX needs to be the broker of a fleet.',
    load: async () => (await import('./broker-config.js')).brokerConfigVerb,
  },
  {
    name: 'profile',
    summary: 'Measures what the segments of a model take on this device.',
    load: async () => (await import('./profile.js')).profile,
  },
  {
    name: 'eval',
    summary: 'Measures on a data set what a cut and its codec cost in bytes and accuracy.',
    load: async () => (await import('./eval.js')).evaluateVerb,
  },
  {
    name: 'calibrate',
    summary: 'Measures on a data set what codecs cost at the cuts of a model, and recommends one for each cut.',
    load: async () => (await import('./calibrate.js')).calibrateVerb,
  },
  {
    name: 'probe',
    summary: 'Measures the link to a running server or agent.',
    load: async () => (await import('./probe.js')).probe,
  },
  {
    name: 'doctor',
    summary:
      'Looks for what keeps this device from its server: interfaces, names, ports, certificates, clocks, rights.',
    load: async () => (await import('./doctor.js')).doctor,
  },
  {
    name: 'llm',
    summary: 'Makes packages of language models.',
    load: async () => (await import('./llm.js')).llm,
  },
  {
    name: 'gpu',
    summary: 'Says which GPU our own kernels run on.',
    load: async () => (await import('./gpu.js')).gpu,
  },
  {
    name: 'cluster',
    summary: 'Runs one language model on several small machines together.',
    load: async () => (await import('./cluster.js')).cluster,
  },
  {
    name: 'chat',
    summary: 'Talks with a language model, here or over an API.',
    load: async () => (await import('./chat.js')).chat,
  },
  {
    name: 'demo',
    summary: 'Starts a fleet on this machine, kills an agent under load, and shows that the load goes on.',
    load: async () => (await import('./demo.js')).demo,
  },
  {
    name: 'testbed',
    summary: 'Runs the plans of a scenario on emulated devices and links, and compares what was predicted.',
    load: async () => (await import('./testbed.js')).testbed,
  },
  {
    name: 'bench',
    summary: 'Measures what cutting and the wire cost on this machine.',
    load: async () => (await import('./bench.js')).bench,
  },
];
