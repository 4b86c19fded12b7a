import { expect, it } from 'vitest';
import { checkBrokerAddress } from './broker-address.js';
import { openLog } from './log.js';

const log = openLog({ name: 'test', level: 'silent', format: 'json' });

it('a broker beyond loopback needs TLS, or somebody who wants it without', () => {
  for (const url of ['mqtt://127.0.0.1:7483', 'mqtt://localhost:7483', 'mqtt://[::1]:7483', 'mqtts://10.0.0.7:8883']) {
    expect(() => checkBrokerAddress(url, false, log)).not.toThrow();
  }
  for (const url of ['mqtt://10.0.0.7:1883', 'mqtt://server.local:1883', 'mqtt://127.0.0.1.example.org:1883']) {
    expect(() => checkBrokerAddress(url, false, log)).toThrow(expect.objectContaining({ code: 'CUT_INSECURE_BIND' }));
    expect(() => checkBrokerAddress(url, true, log)).not.toThrow();
  }
});
