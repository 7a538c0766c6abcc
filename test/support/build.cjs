// Jest's global set-up: compiles the project, so that worker threads and started processes never run stale code.
const { execFileSync } = require('node:child_process');
const path = require('node:path');

module.exports = () => {
  execFileSync(process.execPath, [path.resolve(__dirname, '../../scripts/build.mjs'), '--if-needed'], {
    stdio: 'inherit',
  });
};
