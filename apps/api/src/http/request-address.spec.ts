import { type Request, type Response } from 'express';
import { readAddress } from './request-address';

/** The address as routes see it, or `refused`. */
function read(url: string, publicPrefix = ''): string {
  const request = { url } as Request;
  try {
    readAddress(publicPrefix)(request, {} as Response, () => undefined);
  } catch (error) {
    expect(error).toMatchObject({ code: 'validation_failed' });
    return 'refused';
  }
  return request.url;
}

describe('readAddress', () => {
  it.each([
    ['/ping', '/ping'],
    ['/', '/'],
    ['/stage_data/', '/stage_data'],
    ['/stage_data///?a=/', '/stage_data?a=/'],
    ['/stage-data?method=x', '/stage_data?method=x'],
    ['/stage-data/', '/stage_data'],
    ['/stage-data/batch?method=x', '/stage_data/batch?method=x'],
    ['/api/v1/stage-data/plan/', '/stage_data/plan'],
    ['/stage-data/else', '/stage-data/else'],
    ['/api/v1', '/'],
    ['/api/v1/', '/'],
    ['/api/v1?x=1', '/?x=1'],
    ['/api/v1/stage-data/', '/stage_data'],
    ['/api/v1/api/v1/ping', '/api/v1/ping'],
    ['/api/v10/ping', '/api/v10/ping'],
    ['/ui/', '/ui/'],
    ['/api/v1/docs/', '/docs/'],
    ['/ui', '/ui'],
    ['/storage?path=%E2%9C%93', '/storage?path=%E2%9C%93'],
    ['/%E0%A4%A', 'refused'],
    ['/storage?path=%FF', 'refused'],
    ['/logs?q=100%', 'refused'],
    ['*', 'refused'],
    ['http://elsewhere/ping', 'refused'],
  ])('reads %s as %s', (url, expected) => expect(read(url)).toBe(expected));

  it('takes the prefix of the public address off, where the proxy did not', () => {
    expect(read('/preparedata/api/v1/ping', '/preparedata')).toBe('/ping');
    expect(read('/ping', '/preparedata')).toBe('/ping');
    expect(read('/preparedata', '/preparedata')).toBe('/');
    expect(read('/preparedatax/ping', '/preparedata')).toBe('/preparedatax/ping');
  });

  it('is not slowed down by many slashes', () => {
    expect(read(`/a${'/'.repeat(100_000)}b`)).toHaveLength(100_003);
  });
});
