/** For whoever leads a fleet. */
const fleet = ['devices', 'deploy', 'undeploy', 'rollback', 'status', 'logs', 'broker-config'];
const everywhere = ['ask', 'probe', 'doctor', 'profile', 'cuts', 'split', 'verify'];

/** What can be packed: a name, and the verbs that its archive carries. Other verbs, and what only they need, stay out. */
export const kinds = {
  agent: ['agent', 'pair', ...everywhere],
  server: ['serve', 'pair', 'revoke', 'audit', 'token', ...fleet, ...everywhere],
};

/** Platforms that archives are made for, as `process.platform`-`process.arch`. */
export const platforms = ['linux-x64', 'linux-arm64'];
