/** `npm start`: installs and builds what is missing, then becomes the server. Arguments after `--` go to `countersign up`. */
import { build } from './prepare.mjs';

build();
process.argv.splice(2, 0, 'up');
await import('../server/dist/main.js');
