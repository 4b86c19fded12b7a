import type { DeviceId, FleetId } from '../ids.js';
import { deviceChannels, fleetRoot, ownChannels, tensorsFor, tensorTopic, topicOf } from '../topics.js';
import { defaultBrokerLimits } from './limits.js';

export const brokerKinds = ['mosquitto', 'emqx'] as const;
export type BrokerKind = (typeof brokerKinds)[number];

export interface BrokerConfigOptions {
  readonly fleet: FleetId;
  /** Names of the servers; all others are devices. */
  readonly servers: readonly DeviceId[];
  readonly port: number;
  /** Where the broker's files lie on its machine: certificates, and what this writes. */
  readonly folder: string;
}

/** A file for the broker's machine. */
export interface ConfigFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Writes what another broker needs to give every device of a fleet the same rights as the embedded one does: names come
 * from certificates (their common name is the device's name), topics from names.
 */
export function brokerConfig(kind: BrokerKind, options: BrokerConfigOptions): readonly ConfigFile[] {
  return kind === 'mosquitto' ? mosquitto(options) : emqx(options);
}

/** What stands in topics for "the name of whoever asks". */
function rights(fleet: FleetId, self: string): { publish: string[]; subscribe: string[] } {
  const own = self as DeviceId;
  const channel = (name: (typeof deviceChannels)[number]) => topicOf(fleet, own, name);
  return {
    publish: [...ownChannels.map(channel), tensorTopic(fleet, '+' as DeviceId, own)],
    subscribe: [...deviceChannels.filter((name) => !ownChannels.includes(name)).map(channel), tensorsFor(fleet, own)],
  };
}

function mosquitto({ fleet, servers, port, folder }: BrokerConfigOptions): readonly ConfigFile[] {
  const { publish, subscribe } = rights(fleet, '%u');
  const acl = [
    `# Rights in the fleet ${fleet}: servers may do all, a device (%u) what its own topics are for.`,
    ...servers.flatMap((server) => [`user ${server}`, `topic readwrite ${fleetRoot(fleet)}#`, '']),
    ...publish.map((topic) => `pattern write ${topic}`),
    ...subscribe.map((topic) => `pattern read ${topic}`),
  ];
  const conf = [
    `# Mosquitto 2 for the fleet ${fleet}; reload with SIGHUP after a change of servers or of revoked certificates.`,
    `listener ${port}`,
    `cafile ${folder}/authority.pem`,
    `certfile ${folder}/broker.pem`,
    `keyfile ${folder}/broker.key`,
    `# crlfile ${folder}/revoked.pem`,
    'tls_version tlsv1.3',
    'require_certificate true',
    'use_identity_as_username true',
    'use_username_as_clientid true',
    'allow_anonymous false',
    `acl_file ${folder}/cutpoint.acl`,
    `max_packet_size ${defaultBrokerLimits.maxPacketBytes}`,
    `max_queued_bytes ${defaultBrokerLimits.maxQueuedBytes}`,
    `max_keepalive ${defaultBrokerLimits.maxKeepAliveSeconds}`,
    'max_qos 1',
    'set_tcp_nodelay true',
  ];
  return [
    { name: 'mosquitto.conf', text: lines(conf) },
    { name: 'cutpoint.acl', text: lines(acl) },
  ];
}

function emqx({ fleet, servers, port, folder }: BrokerConfigOptions): readonly ConfigFile[] {
  const { publish, subscribe } = rights(fleet, `\${username}`);
  const list = (topics: readonly string[]) => `[${topics.map((topic) => `"${topic}"`).join(', ')}]`;
  const acl = [
    `%% Rights in the fleet ${fleet}: servers may do all, a device what its own topics are for.`,
    ...servers.map((server) => `{allow, {user, "${server}"}, all, ["${fleetRoot(fleet)}#"]}.`),
    `{allow, all, publish, ${list(publish)}}.`,
    `{allow, all, subscribe, ${list(subscribe)}}.`,
    '{deny, all}.',
  ];
  const conf = [
    `# EMQX 5 for the fleet ${fleet}: part of emqx.conf.`,
    'mqtt.peer_cert_as_username = cn',
    'mqtt.peer_cert_as_clientid = cn',
    `mqtt.max_packet_size = ${defaultBrokerLimits.maxPacketBytes}`,
    'mqtt.max_qos_allowed = 1',
    `listeners.ssl.default.bind = "0.0.0.0:${port}"`,
    'listeners.ssl.default.ssl_options {',
    `  cacertfile = "${folder}/authority.pem"`,
    `  certfile = "${folder}/broker.pem"`,
    `  keyfile = "${folder}/broker.key"`,
    '  verify = verify_peer',
    '  fail_if_no_peer_cert = true',
    '  versions = ["tlsv1.3"]',
    '}',
    'authorization {',
    '  no_match = deny',
    '  deny_action = ignore',
    `  sources = [{ type = file, enable = true, path = "${folder}/cutpoint-acl.conf" }]`,
    '}',
  ];
  return [
    { name: 'emqx.conf', text: lines(conf) },
    { name: 'cutpoint-acl.conf', text: lines(acl) },
  ];
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`;
}
