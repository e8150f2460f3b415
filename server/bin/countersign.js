#!/usr/bin/env node
/** The command: the compiled program behind the name that npm links. */
import '../dist/main.js';
