/** `npm run build`: everything that the commands and the server need. */
import { build } from './prepare.mjs';

build();
