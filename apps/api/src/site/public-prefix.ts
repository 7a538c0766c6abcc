import { type Settings } from '@app/core';

/** The path under which a proxy shows the service, without slash at its end; empty where there is none. */
export function publicPrefix(settings: Settings): string {
  const address = settings.get('PUBLIC_URL');
  return address === undefined ? '' : new URL(address).pathname.replace(/\/+$/, '');
}
