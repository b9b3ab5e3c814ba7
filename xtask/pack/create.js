#!/usr/bin/env node
// `npm create ripple DIR`: writes the files of a project, with the `ripple` of this package.
"use strict";
const { spawnSync } = require("node:child_process");
const { join } = require("node:path");

const ripple = join(__dirname, "bin", "ripple");
const { status, error } = spawnSync(ripple, ["init", ...process.argv.slice(2)], { stdio: "inherit" });
if (error) console.error(`create-ripple: ${ripple} cannot be started: ${error.message}`);
process.exit(status ?? 1);
