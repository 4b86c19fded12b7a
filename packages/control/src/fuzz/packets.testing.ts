import { joined, mutant, pick, type Random } from '../../../core/src/mutating.testing.js';
import { deviceId, fleetId } from '../ids.js';
import { everyDevice, tensorTopic, topicOf } from '../topics.js';
import { changedPayload } from './messages.testing.js';

export const fleet = fleetId.parse('home');
/** Names of devices that attackers use; some are names of what every JavaScript object has. */
export const attackers = ['pi-1', 'pi-2', 'constructor', 'valueof', 'pi-3'].map((name) => deviceId.parse(name));
const victim = deviceId.parse('victim');

const text = (value: string): Uint8Array => {
  const bytes = Buffer.from(value);
  return joined(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
};

/** A packet of MQTT 3.1.1 (section 2.2): its first byte, its length, and what it holds. */
export function packet(first: number, ...body: readonly Uint8Array[]): Uint8Array {
  const held = joined(...body);
  const length: number[] = [];
  let left = held.length;
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return joined(Uint8Array.of(first, ...length), held);
}

/** CONNECT of a device, with a last will. */
export function connectPacket(device: string, will = topicOf(fleet, deviceId.parse(device), 'presence')): Uint8Array {
  const head = Uint8Array.of(4, 0b1010_0110, 0, 30);
  const said = [text(device), text(will), text('{"online":false}'), text(device)];
  return packet(0x10, text('MQTT'), head, ...said);
}

export const pingPacket = packet(0xc0);

const number = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

function publish(topic: string, payload: Uint8Array, random: Random): Uint8Array {
  const qos = random(3);
  const flags = (qos << 1) | random(2) | (random(8) === 0 ? 8 : 0);
  return packet(0x30 | flags, text(topic), ...(qos === 0 ? [] : [number(1 + random(4))]), payload);
}

/** A topic or filter that a device may or may not use. */
function topics(device: string, random: Random): string {
  const own = deviceId.parse(device);
  return pick(
    [
      topicOf(fleet, own, 'telemetry'),
      topicOf(fleet, own, 'state'),
      topicOf(fleet, own, 'reply'),
      topicOf(fleet, own, 'lease'),
      topicOf(fleet, own, 'command'),
      topicOf(fleet, own, 'desired'),
      topicOf(fleet, victim, 'desired'),
      topicOf(fleet, victim, 'telemetry'),
      tensorTopic(fleet, victim, own),
      tensorTopic(fleet, own, victim),
      tensorTopic(fleet, own, pick(attackers, random)),
      everyDevice(fleet, 'telemetry'),
      ...['#', '+/#', '$SYS/#', '__proto__', 'constructor', 'cutpoint/1/other/devices/pi-1/state', ''],
    ],
    random,
  );
}

/** A valid packet of any kind. */
function validPacket(device: string, random: Random): Uint8Array {
  const topic = topics(device, random);
  switch (random(9)) {
    case 0:
      return connectPacket(pick(attackers, random));
    case 1:
    case 2:
    case 3:
      return publish(topic, changedPayload(pick(['state', 'telemetry', 'presence'], random), random), random);
    case 4:
    case 5: {
      const filters = Array.from({ length: 1 + random(4) }, () => topics(device, random));
      const list = filters.map((filter) => joined(text(filter), Uint8Array.of(random(3))));
      return packet(0x82, number(1 + random(9)), ...list);
    }
    case 6:
      return packet(0xa2, number(1 + random(9)), text(topic), text(topics(device, random)));
    case 7:
      return packet(pick([0x40, 0x50, 0x62, 0x70], random), number(random(5)));
    default:
      return pick([pingPacket, packet(0xe0), packet(0x20, number(0)), packet(0xf0)], random);
  }
}

/** A packet that this device sends, changed most of the time. */
export function changedPacket(device: string, random: Random): Uint8Array {
  const original = validPacket(device, random);
  if (random(4) === 0) return original;
  if (random(3) > 0) return mutant(original, random, validPacket(device, random));
  // With a length that is right, so that what is in it is looked at.
  const bodyAt = original.findIndex((byte, i) => i > 0 && byte < 0x80) + 1;
  return packet(original[0] ?? 0, mutant(original.subarray(bodyAt), random));
}

/** How many whole packets the bytes are, and how many bytes are missing of another that begins; undefined: no packets. */
export function walkPackets(bytes: Uint8Array): { readonly whole: number; readonly missing: number } | undefined {
  let whole = 0;
  for (let at = 0; at < bytes.length; whole++) {
    let length = 0;
    let digits = 0;
    let byte: number | undefined;
    do {
      byte = bytes[at + 1 + digits];
      if (byte === undefined) return { whole, missing: 1 };
      if (digits === 4) return undefined;
      length += (byte & 0x7f) * 128 ** digits++;
    } while (byte >= 0x80);
    at += 1 + digits + length;
    if (at > bytes.length) return { whole, missing: at - bytes.length };
  }
  return { whole, missing: 0 };
}
