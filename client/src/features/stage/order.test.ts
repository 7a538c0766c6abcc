import { describe, expect, it } from 'vitest';
import type { SiteConfig } from '../../api/types';
import { faultsOf, type Order, proposedDestination, readSources, stageOrderOf, writeSources } from './order';

const config = {
  methods: [
    { name: 'local_copy', needs_relative_path: true },
    { name: 'direct_download', needs_relative_path: false },
  ],
  limits: { max_batch_items: 3, max_path_bytes: 4096, max_segment_bytes: 255 },
} as unknown as SiteConfig;

const order = (values: Partial<Order> = {}): Order => ({
  method: 'local_copy',
  username: 'jane',
  server: '',
  storage: 'data',
  sources: [{ text: 'obs/a.fits', encoding: null }],
  destination: null,
  ...values,
});
const paths = (...texts: string[]) => texts.map((text) => ({ text, encoding: null }));

describe('an order', () => {
  it('goes under its own name unless somebody says otherwise', () => {
    expect(stageOrderOf(order(), config).items).toEqual([
      { local_path_on_storage: 'obs/a.fits', storage: 'data', relative_path: 'a.fits' },
    ]);
    expect(stageOrderOf(order({ destination: 'in/b' }), config).items[0]).toMatchObject({ relative_path: 'in/b' });
  });

  it('of several goes below one directory, the top by itself', () => {
    const several = order({ sources: paths('obs/a', 'obs/b') });
    expect(proposedDestination(several)).toBe('');
    expect(stageOrderOf({ ...several, destination: 'in/' }, config).items).toMatchObject([
      { relative_path: 'in/a' },
      { relative_path: 'in/b' },
    ]);
  });

  it('names no storage for a path that is absolute, and no destination for a download', () => {
    const download = order({ method: 'direct_download', sources: paths('/data/obs/a') });
    expect(stageOrderOf(download, config).items).toEqual([{ local_path_on_storage: '/data/obs/a' }]);
  });

  it('encodes both paths where one name is not UTF-8', () => {
    const odd = order({ sources: [{ text: 'caf%E9', encoding: 'percent' }], destination: '50% off/caf%E9' });
    expect(stageOrderOf(odd, config).items).toEqual([
      {
        local_path_on_storage: 'caf%E9',
        storage: 'data',
        name_encoding: 'percent',
        relative_path: '50%25 off/caf%E9',
      },
    ]);
  });

  it('is not sent with something wrong', () => {
    expect(faultsOf(order(), config)).toEqual({});
    expect(faultsOf(order({ username: '' }), config)).toHaveProperty('username');
    expect(faultsOf(order({ username: 'a/b' }), config)).toHaveProperty('username');
    expect(faultsOf(order({ sources: [] }), config)).toHaveProperty('sources');
    expect(faultsOf(order({ sources: paths('a', 'b', 'c', 'd') }), config)).toHaveProperty('sources');
    expect(faultsOf(order({ destination: '../x' }), config)).toHaveProperty('destination');
    expect(faultsOf(order({ destination: '/x', sources: paths('a', 'b') }), config)).toHaveProperty('destination');
    expect(faultsOf(order({ method: 'direct_download', sources: paths('a', 'b') }), config)).toHaveProperty('method');
  });
});

it('paths are read a line each, once, and keep the encoding that they had', () => {
  const known = [{ text: 'caf%E9', encoding: 'percent' as const }];
  expect(readSources('obs/a\r\n\n  \ncaf%E9\nobs/a\n b ', known)).toEqual([
    { text: 'obs/a', encoding: null },
    { text: 'caf%E9', encoding: 'percent' },
    { text: ' b ', encoding: null },
  ]);
  expect(writeSources(known)).toBe('caf%E9');
});
