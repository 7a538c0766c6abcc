// `npm run test:image`: apart from the others because it takes minutes, root, and Debian's packages.
const { projects, ...shared } = require('../../jest.config.cjs');

const project = { ...projects[0], displayName: 'image', testMatch: ['<rootDir>/test/image/*.spec.ts'] };
// The image is built from the source: nothing is compiled beforehand.
delete project.globalSetup;

module.exports = { ...shared, rootDir: project.rootDir, projects: [project] };
