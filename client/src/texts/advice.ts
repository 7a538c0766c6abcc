/** What to do about an error, by its code, beside the sentence that the service gives itself. */
const ADVICE: Record<string, string> = {
  source_not_found: 'Look the path up in the browser of the storage: names differ in case, and links may lead nowhere.',
  path_outside_storage: 'Choose something that lies inside the storage. A link in the tree may lead out of it.',
  path_outside_user_area: 'Choose a destination inside your own area, without ".." and not through a link.',
  source_unsupported: 'Only files and directories can be staged.',
  source_forbidden: 'Ask the owner of the data, or the operators of this site, for access.',
  destination_conflict: 'Choose another destination, or move away what stands there.',
  already_exists: 'Choose another destination, or stage again and keep what is there.',
  user_area_missing: 'Ask the operators of this site to make your area.',
  cross_device_link: 'Choose Copy instead: no link can be made here.',
  source_writable: 'Choose Copy instead: through a link the original could be changed.',
  source_changed: 'Somebody wrote to the source meanwhile. Try again when it is at rest.',
  checksum_mismatch: 'Try again. If it comes back, tell the operators: the disk or the catalogue may be wrong.',
  rate_limited: 'Wait a moment, then try again.',
  quota_exceeded: 'Stage less at once, or wait until earlier operations have ended.',
  insufficient_storage: 'Remove what you do not need from your area, then try again.',
  storage_unavailable: 'The storage does not answer just now. It is worth another try in a while.',
  jupyter_user_not_found: 'Sign in at the JupyterHub once, then try again.',
  jupyter_unavailable: 'The JupyterHub does not answer just now. Try again in a while.',
  jupyter_rejected: 'Look at your server at the JupyterHub; its own log tells why it refused.',
  jupyter_timeout: 'Start your server at the JupyterHub yourself, then try again.',
  database_unavailable: 'The service cannot record anything just now. Try again in a while.',
  shutting_down: 'The service is being restarted. Try again in a moment.',
  internal_error: 'Tell the operators the id of the operation: their log has the cause.',
  link_invalid: 'Ask for a new link.',
};

export function adviceFor(code: string | null): string | null {
  return code === null ? null : (ADVICE[code] ?? null);
}
