import { shownPath } from './problem';

it.each([
  ['/stage_data?method=x#y', '/stage_data'],
  ['/downloads/secret', '/downloads/-'],
  ['/downloads/secret?archive=tar', '/downloads/-'],
  ['/api/v1/downloads/secret/', '/api/v1/downloads/-'],
  ['/prefix/Downloads/secret/more', '/prefix/Downloads/-'],
  ['/downloads//secret', '/downloads/-'],
  ['/downloads', '/downloads'],
  ['/operations/1/download-url', '/operations/1/download-url'],
])('shows %s as %s', (url, shown) => expect(shownPath(url)).toBe(shown));
