import { describe, expect, it } from 'vitest';
import { ExampleModels, example, forever, postJson, startTestHttp } from './http.testing.js';
import { openModelMetrics } from './model-metrics.js';

describe('the metrics', () => {
  it('count requests by outcome and time segments and links by phase', async () => {
    const models = new ExampleModels();
    await using server = await startTestHttp(models);
    const infer = `${server.url}/v2/models/mymodel/infer`;
    const anonymous = { ...example, id: undefined };
    for (let i = 0; i < 2; i++) await postJson(infer, anonymous);
    await postJson(infer, {});
    models.hold = forever;
    const leaving = new AbortController();
    const open = fetch(infer, { method: 'POST', body: JSON.stringify(anonymous), signal: leaving.signal });
    await expect.poll(() => models.computed).toBe(3);
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const lines = (await response.text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'cutpoint_requests_total{model="mymodel",outcome="ok"} 2',
        'cutpoint_requests_total{model="mymodel",outcome="CUT_INPUT"} 1',
        'cutpoint_requests_under_way{model="mymodel"} 1',
        'cutpoint_request_seconds_count{model="mymodel"} 3',
        'cutpoint_segment_seconds_count{model="mymodel",segment="0",device="pi-1",phase="output"} 2',
        'cutpoint_segment_seconds_sum{model="mymodel",segment="0",device="pi-1",phase="compute"} 0.006',
        'cutpoint_segment_seconds_sum{model="mymodel",segment="1",device="pi-2",phase="queue"} 0.01',
        'cutpoint_link_seconds_sum{model="mymodel",from="pi-1",to="pi-2",phase="send"} 0.016',
        'cutpoint_link_seconds_bucket{le="0.01",model="mymodel",from="pi-1",to="pi-2",phase="codec"} 2',
      ]),
    );
    expect(lines.some((line) => line.includes('segment="1"') && line.includes('phase="input"'))).toBe(false);
    leaving.abort();
    await open.catch(() => undefined);
  });

  it('ask the fleet for its devices and links each time they are read', async () => {
    let online = 2;
    const metrics = openModelMetrics(() => ({
      devices: { online, offline: 1 },
      links: [{ from: 'pi-1', to: 'hub', bytes: 100 * online }],
    }));
    expect(await metrics.text()).toContain('cutpoint_link_bytes_total{from="pi-1",to="hub"} 200');
    online = 3;
    const text = await metrics.text();
    expect(text).toContain('cutpoint_devices{state="online"} 3');
    expect(text).toContain('cutpoint_devices{state="offline"} 1');
    expect(text).toContain('cutpoint_link_bytes_total{from="pi-1",to="hub"} 300');
  });
});
