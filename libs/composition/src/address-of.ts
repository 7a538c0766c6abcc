import { type AddressInfo, type Server } from 'node:net';

/** Where a server listens, as an address that can be asked. */
export function addressOf(server: Pick<Server, 'address'>): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
