import { type IncomingMessage, type ServerResponse } from 'node:http';

/** How long a connection that was refused stays open, so that the answer can be read, in milliseconds. */
export const LINGER_MS = 2000;

/**
 * Ends an answer whose request may not have come as a whole, since it was refused before that. The answer goes out at once; what
 * is still to come is read and forgotten for a while. To close with unread data would reset the connection, and whoever sends
 * would never see why they were refused (RFC 9112, section 9.6).
 */
export function endLingering(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  if (request.complete || request.destroyed) return void response.end(body);
  const end = () => {
    clearTimeout(timer);
    request.off('end', end).off('close', end);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once('end', end).once('close', end);
  response.write(body);
  request.resume();
}
