import { config } from 'zod';

// Else it looks whether it may make functions of text; the page's policy says no, and the browser logs the try.
config({ jitless: true });
