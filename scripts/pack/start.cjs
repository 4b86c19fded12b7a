// Says what is missing in words that an old Node still understands; the command itself needs a newer one to be read.
if (Number(process.versions.node.split('.')[0]) < 20) {
  process.stderr.write(`error CUT_USAGE: Cutpoint needs Node 20 or newer, and this is ${process.version}.\n`);
  process.exit(2);
}
import('./cutpoint.js');
