const NAME = 'Quay';

/** What several views say; each has its own words beside this file. */
export const texts = {
  name: NAME,
  claim: 'Bring data to where you work',
  nav: {
    label: 'Main',
    stage: 'Stage',
    operations: 'Operations',
    logs: 'Logs',
    files: 'Files',
    site: 'Site',
    open: 'Open the menu',
    close: 'Close the menu',
    skip: 'Skip to the content',
    docs: 'API explorer',
  },
  loading: 'Loading',
  close: 'Close',
  titleOf: (view: string) => `${view} · ${NAME}`,
  scheme: { toDark: 'Use the dark scheme', toLight: 'Use the light scheme' },
  site: {
    unknownUser: 'Anybody here may act for anyone: this site has no sign-in.',
  },
  errors: {
    unreachable: 'The service does not answer. It is asked again by itself.',
    again: 'Try again',
    title: 'This did not work',
    short: 'Error',
    notFoundShort: 'Not found',
    page: (message: string) => `The page met an error: ${message}`,
    noDetail: (status: number) => `The service answered with status ${status}, and did not say why.`,
    view: 'This view met an error',
    viewAdvice: 'Load the page again. If it comes back, tell the operators of the site what you did.',
    notFound: 'There is no such page',
    notFoundAdvice: 'The address leads nowhere. Choose a view from the menu.',
  },
  connection: {
    lost: 'The connection to the service is lost; it is tried again every few seconds.',
  },
  copy: { copy: 'Copy', copied: 'Copied' },
  status: {
    queued: 'Waiting',
    running: 'Running',
    success: 'Done',
    failure: 'Failed',
    cancelled: 'Cancelled',
  },
  methods: {
    local_copy: { name: 'Copy', about: 'Puts a verified, read-only copy into the user area.' },
    symlink_copy: { name: 'Link', about: 'Puts a link to the data into the user area: no bytes are moved.' },
    direct_download: { name: 'Download', about: 'Sends the data to this browser; a directory as an archive.' },
    jupyter_copy: { name: 'To Jupyter', about: 'Uploads the data into your running Jupyter server.' },
  } as Record<string, { name: string; about: string }>,
} as const;

/** How a method is called on the page; one that the page does not know goes by its own name. */
export function methodName(method: string): string {
  return texts.methods[method]?.name ?? method;
}
