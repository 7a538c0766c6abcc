import { loadSettings } from '@app/core';
import { MetricsAccess, type MetricsReader } from './metrics-access';

const SIGN_IN = { AUTH_MODE: 'oidc', OIDC_ISSUER: 'https://iam.example.org', OIDC_AUDIENCE: 'staging' };

function reader(fields: Partial<MetricsReader> = {}): MetricsReader {
  return { address: '192.0.2.7', isPassedOn: false, authorization: undefined, ...fields };
}

describe('MetricsAccess', () => {
  it('is open to all without sign-in', () => {
    expect(new MetricsAccess(loadSettings({ METRICS_TOKEN: 'abc' })).allows(reader())).toBe(true);
  });

  it('is for this host alone with sign-in, and for nobody behind a proxy', () => {
    const access = new MetricsAccess(loadSettings(SIGN_IN));
    expect(access.hasToken).toBe(false);
    expect(access.allows(reader())).toBe(false);
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(access.allows(reader({ address }))).toBe(true);
      expect(access.allows(reader({ address, isPassedOn: true }))).toBe(false);
    }
    expect(access.allows(reader({ address: undefined }))).toBe(false);
    expect(access.allows(reader({ authorization: 'Bearer undefined' }))).toBe(false);
  });

  it('is for whoever has the token, from anywhere', () => {
    const access = new MetricsAccess(loadSettings({ ...SIGN_IN, METRICS_TOKEN: 'abc' }));
    expect(access.hasToken).toBe(true);
    expect(access.allows(reader({ authorization: 'Bearer abc', isPassedOn: true }))).toBe(true);
    for (const authorization of ['Bearer abd', 'Bearer ab', 'bearer abc', 'abc', '']) {
      expect(access.allows(reader({ authorization }))).toBe(false);
      expect(access.knowsToken({ authorization })).toBe(false);
    }
  });
});
