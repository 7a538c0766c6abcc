export { collect, handlesBelow, never, openFile, openSource, openTree } from './open-sources';
export { createTestSite, type TestSite } from './test-site';
