import { type DeviceId, deviceId } from '@cutpoint/control/client';
import { InvalidArgumentError } from 'commander';

/** `pi-1,gpu-box`. */
export function parseDevices(text: string): readonly DeviceId[] {
  return text.split(',').map((part) => {
    const parsed = deviceId.safeParse(part.trim());
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError('Give names as `cutpoint devices` lists them, separated by commas.');
  });
}
