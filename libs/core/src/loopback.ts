/** True for the names and addresses of this host's loopback interface (127.0.0.0/8 and ::1). */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** True for an address that nobody on the way can listen to or change: https, or http on this host. */
export function isSafeUrl({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}
