import { readFileSync } from 'node:fs';
import { type ServerResponse } from 'node:http';
import path from 'node:path';
import { constants } from 'node:zlib';
import compression from 'compression';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type RequestHandler } from 'express';
import { pageFolder } from './installation';

/** Where the page is, below the service's own address. */
const PAGE_PATH = '/ui';
/** Names of these hold a hash of their content: another content has another name. */
const ASSETS = `${path.sep}assets${path.sep}`;
const FOREVER = 'public, max-age=31536000, immutable';

/**
 * Serves the page where it was built: its files as they are, compressed, and at every other address below `/ui/` the page
 * itself, since each of its views has an address. `prefix` is where a proxy shows the service: the page finds its files and
 * the API by that.
 */
export function servePage(app: NestExpressApplication, prefix: string): void {
  const folder = pageFolder();
  if (folder === null) return;
  // Small rather than fast: browsers keep what they got, so that it is seldom asked for.
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } };
  app.use(PAGE_PATH, compression({ level: 9, brotli }));
  app.useStaticAssets(folder, {
    prefix: PAGE_PATH,
    index: false,
    redirect: false,
    setHeaders: (response: ServerResponse, file: string) => {
      response.setHeader('Cache-Control', file.includes(ASSETS) ? FOREVER : 'no-cache');
    },
  });
  app.use(PAGE_PATH, page(readFileSync(path.join(folder, 'index.html'), 'utf8'), prefix));
}

function page(text: string, prefix: string): RequestHandler {
  // As an address it has no quotes, which an attribute would end with.
  const html = text.replace('<base href="/ui/"', () => `<base href="${prefix}${PAGE_PATH}/"`);
  return (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return next();
    response.setHeader('Cache-Control', 'no-cache');
    response.type('html').send(html);
  };
}
