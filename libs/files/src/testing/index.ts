export { createTestSite, type TestSite } from './test-site';
