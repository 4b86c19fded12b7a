import { afterEach, describe, expect, it, vi } from 'vitest';
import { openGpu } from './open-gpu.js';

const never = () => new Promise<never>(() => undefined);
const stuckMs = 50;

/** WebGPU whose adapter, or device, comes as `asked` says. */
function webgpu(requestAdapter: () => Promise<unknown>): GPU {
  return { requestAdapter, wgslLanguageFeatures: new Set() } as unknown as GPU;
}

function withDevice(requestDevice: () => Promise<unknown>): GPU {
  return webgpu(async () => ({ limits: {}, features: new Set(), info: {}, requestDevice }));
}

const refused = async () => {
  throw new TypeError('not in this state');
};

const thrower = () => {
  throw new TypeError('thrown at once');
};

describe('opening a GPU', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    ['finds no adapter', webgpu(async () => null), 'no GPU that it can use'],
    ['fails to find one', webgpu(refused), 'not in this state'],
    ['throws at once', webgpu(thrower), 'thrown at once'],
    ['never finds one', webgpu(never), 'not answered for 0.05 s'],
    ['is refused a device', withDevice(refused), 'not in this state'],
    ['never gets a device', withDevice(never), 'not answered for 0.05 s'],
  ])('says that there is none where it %s, and why', async (_, gpu, why) => {
    const opening = openGpu(gpu, { stuckMs });
    await expect(opening).rejects.toMatchObject({ code: 'CUT_GPU_MISSING', message: expect.stringContaining(why) });
  });

  it('destroys a device that comes when nobody waits any more', async () => {
    const destroy = vi.fn();
    let bring: (device: unknown) => void = () => undefined;
    const device = new Promise((resolve) => {
      bring = resolve;
    });
    await expect(
      openGpu(
        withDevice(() => device),
        { stuckMs },
      ),
    ).rejects.toMatchObject({ code: 'CUT_GPU_MISSING' });
    bring({ destroy });
    await vi.waitFor(() => expect(destroy).toHaveBeenCalledOnce());
  });

  it('gives advice for the place where it is', async () => {
    const gpu = webgpu(async () => null);
    await expect(openGpu(gpu)).rejects.toThrow(/Vulkan.*docs\/gpu\.md/);
    vi.stubGlobal('navigator', { gpu });
    const inBrowser = openGpu();
    await expect(inBrowser).rejects.toThrow(/browser's settings/);
    await expect(inBrowser).rejects.not.toThrow(/Vulkan|Linux/);
  });
});
