import { it } from 'vitest';
import { hasMosquitto, testFaults } from './run-fault.testing.js';

if (hasMosquitto()) testFaults('two servers, two agents and Mosquitto', 2);
else it.skip('two servers with Mosquitto (skipped: mosquitto is not installed)');
