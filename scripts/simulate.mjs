/** `npm run simulate -- [--seeds N] [--from SEED] [--json]`: exit 1 and the seed when a promise is broken. */
import { build } from './prepare.mjs';
import { load } from './load.mjs';

build({ web: false });
const { main } = await load('test/scenarios/simulation/main.ts');
process.exit(await main(process.argv.slice(2)));
