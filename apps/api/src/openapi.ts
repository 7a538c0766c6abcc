import { writeFileSync } from 'node:fs';
import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { BEARER_SCHEME } from './auth/access.decorator';
import { type ExplorerSignIn, explorerClient, offerSignIn } from './auth/explorer-sign-in';
import { describeSignIn } from './auth/sign-in-docs';
import { VERSION_PREFIX } from './http/request-address';
import { VERSION } from './site/installation';

/** The description of the API. `prefix`: the path under which a proxy shows the service. */
export function buildDocument(app: INestApplication, prefix = ''): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Staging service')
    .setDescription(
      "Brings data from a site's storage to where its users work. Errors are problem documents (RFC 9457) whose `code` tells programs what happened.",
    )
    .setVersion(VERSION)
    .setLicense('BSD-3-Clause', 'https://opensource.org/license/bsd-3-clause')
    .addServer(`${prefix}${VERSION_PREFIX}`, 'With the version of the API')
    .addServer(`${prefix}/`, 'The same, as older clients know it')
    .addTag('staging', 'Bring data to users')
    .addTag('operations', 'What became of it')
    .addTag('downloads', 'Results that are fetched by a link')
    .addTag('storage', 'What lies on the storage and in user areas')
    .addTag('site', 'What the site offers')
    .addTag('logs', 'What the service did')
    .addTag('audit', 'Who asked what for whom')
    .addTag('health', 'For those who watch the service')
    .addBearerAuth(
      {
        type: 'http',
        description:
          "A token of the site's OpenID provider, where the site has sign-in (`auth.mode` of `GET /config`).",
      },
      BEARER_SCHEME,
    )
    .build();
  return describeSignIn(SwaggerModule.createDocument(app, config));
}

/**
 * Serves the description at `/openapi.json` and its explorer, whose files are our own, at `/docs`. Where the page can sign
 * users in, so can the explorer: with the same client.
 */
export function serveDocument(app: INestApplication, prefix: string, signIn: ExplorerSignIn | null): void {
  const document = buildDocument(app, prefix);
  SwaggerModule.setup('docs', app, signIn ? offerSignIn(document, signIn) : document, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Staging service',
    swaggerOptions: {
      // Nothing is asked of any other host but the provider.
      validatorUrl: null,
      ...(signIn && { oauth2RedirectUrl: signIn.redirectUrl, initOAuth: explorerClient(signIn) }),
    },
  });
}

/** Writes the description, its keys sorted: the same program always writes the same bytes. */
export function writeDocument(app: INestApplication, file: string): void {
  writeFileSync(file, `${JSON.stringify(sorted(buildDocument(app)), null, 2)}\n`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}
