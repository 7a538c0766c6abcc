/** Where the page is served, such as `/ui/` or `/preparedata/ui/`: the service writes it into `<base>`. */
export const PAGE_PATH = new URL('.', document.baseURI).pathname;

/** Where the service is served: the page is one folder below. Without a slash at its end; empty at the root. */
export const SERVICE_PATH = PAGE_PATH.replace(/\/(?:[^/]+\/)?$/, '');

/** The versioned API, as an absolute path. */
export const API_PATH = `${SERVICE_PATH}/api/v1`;

/** The same with this page's origin, for commands that are run elsewhere. */
export const API_URL = `${window.location.origin}${SERVICE_PATH}`;
