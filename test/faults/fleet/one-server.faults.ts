import { testFaults } from './run-fault.testing.js';

testFaults('a server and two agents', 1);
