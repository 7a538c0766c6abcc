// `npm run test:image`: apart from the others because it takes minutes, root, and Debian's packages.
const { projects, ...shared } = require('../../jest.config.cjs');

const project = { ...projects[0], displayName: 'image', testMatch: ['<rootDir>/test/image/*.spec.ts'] };
// The image is built from the source: nothing is compiled beforehand.
delete project.globalSetup;

// Removing what was built takes its time where others use the disk.
module.exports = { ...shared, testTimeout: 120_000, rootDir: project.rootDir, projects: [project] };
