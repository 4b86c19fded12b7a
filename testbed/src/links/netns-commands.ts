import type { DirectionParameters, LinkParameters } from './link-parameters.js';

/** A link of a network, by its devices' positions in the chain. */
export interface NetnsLink {
  readonly from: number;
  readonly to: number;
  readonly parameters: LinkParameters;
}

/** A command and its arguments. */
export type Command = readonly string[];

export interface NetnsPlan {
  readonly setUp: readonly Command[];
  /** Removing a namespace removes its interfaces and their other ends. */
  readonly tearDown: readonly Command[];
  /** By position of the link: the address of its far end. */
  readonly farAddresses: readonly string[];
  /** By position of the device: what its process is started through. The first stays with the runner. */
  readonly prefixes: readonly Command[];
}

/**
 * The commands that build a chain of devices: each but the first in a network namespace of its own, each link a pair of
 * virtual Ethernet interfaces whose both ends send through `tc netem`. `tag` keeps networks on one machine apart; it has
 * at most four letters, as interface names are short.
 */
export function netnsPlan(tag: string, devices: number, links: readonly NetnsLink[]): NetnsPlan {
  const names = Array.from({ length: devices }, (_, i) => `cut-${tag}-${i}`);
  const inside = (device: number): Command => (device === 0 ? [] : ['-n', names[device] ?? '']);
  const spaces = names.slice(1).flatMap((name) => [
    ['ip', 'netns', 'add', name],
    ['ip', '-n', name, 'link', 'set', 'lo', 'up'],
  ]);
  const wires = links.flatMap(({ from, to, parameters }, i) => {
    const ends = [
      { device: from, name: nearEnd(tag, i), address: `10.213.${i}.1/24`, sends: parameters.up },
      { device: to, name: `c${tag}f${i}`, address: `10.213.${i}.2/24`, sends: parameters.down },
    ];
    return [
      ['ip', 'link', 'add', nearEnd(tag, i), 'type', 'veth', 'peer', 'name', `c${tag}f${i}`],
      ...ends.flatMap(({ device, name, address, sends }) => [
        ...(device === 0 ? [] : [['ip', 'link', 'set', name, 'netns', names[device] ?? '']]),
        ['ip', ...inside(device), 'address', 'add', address, 'dev', name],
        ['ip', ...inside(device), 'link', 'set', name, 'up'],
        ['tc', ...inside(device), 'qdisc', 'add', 'dev', name, 'root', ...netem(sends)],
      ]),
    ];
  });
  return {
    setUp: [...spaces, ...wires],
    tearDown: names.slice(1).map((name) => ['ip', 'netns', 'delete', name]),
    farAddresses: links.map((_, i) => `10.213.${i}.2`),
    prefixes: names.map((name, i) => (i === 0 ? [] : ['ip', 'netns', 'exec', name])),
  };
}

/** The commands that change a link that is up. */
export function netemChange(tag: string, index: number, { from, to, parameters }: NetnsLink): readonly Command[] {
  const change = (device: number, name: string, sends: DirectionParameters): Command => {
    const inside = device === 0 ? [] : ['-n', `cut-${tag}-${device}`];
    return ['tc', ...inside, 'qdisc', 'change', 'dev', name, 'root', ...netem(sends)];
  };
  return [change(from, nearEnd(tag, index), parameters.up), change(to, `c${tag}f${index}`, parameters.down)];
}

function nearEnd(tag: string, index: number): string {
  return `c${tag}n${index}`;
}

/** The queue holds what is under way and 100 ms more, at least the 1,000 packets that are netem's own default. */
function netem({ rateMbit, delayMs, jitterMs, lossPct }: DirectionParameters): Command {
  const packets = Math.max(1000, Math.ceil((rateMbit * 125 * (delayMs + jitterMs + 100)) / 1500));
  return [
    'netem',
    'limit',
    String(packets),
    'delay',
    `${microseconds(delayMs)}us`,
    ...(jitterMs > 0 ? [`${microseconds(jitterMs)}us`] : []),
    ...(lossPct > 0 ? ['loss', `${lossPct}%`] : []),
    'rate',
    `${Math.round(rateMbit * 1e6)}bit`,
  ];
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}
