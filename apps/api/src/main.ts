import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { addressOf, keepHeapSmall, runProgram, stopOnSignals } from '@app/composition';
import { loadSettings, type Settings } from '@app/core';
import { AppLogger, NestLogger } from '@app/logging';
import { AppModule } from './app.module';
import { explorerSignIn } from './auth/explorer-sign-in';
import { configureHttp } from './configure-http';
import { ApiHttpAdapter } from './http/api-http-adapter';
import { serveDocument, writeDocument } from './openapi';
import { servePage } from './site/page';
import { publicPrefix } from './site/public-prefix';

const OPTIONS = { bodyParser: false, abortOnError: false, logger: false } as const;

/** Starts the service; resolves when it listens. */
async function serve(settings: Settings): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(settings), new ApiHttpAdapter(), OPTIONS);
  const logger = app.get(AppLogger);
  configureHttp(app, settings);
  servePage(app, publicPrefix(settings));
  serveDocument(app, publicPrefix(settings), explorerSignIn(settings));
  await app.listen(settings.get('PORT'), settings.get('HOST'));
  // From here on: that each route was mapped, as at every start, is nothing for a log.
  app.useLogger(app.get(NestLogger));
  stopOnSignals(app);
  logger.info(`Listening on ${addressOf(app.getHttpServer())}`);
}

/** Writes the OpenAPI document to a file: nothing is opened, listened on or read from the environment. */
async function writeOpenApi(file: string): Promise<void> {
  const module = AppModule.of(loadSettings({}));
  const app = await NestFactory.create(module, new ApiHttpAdapter(), { ...OPTIONS, preview: true });
  writeDocument(app, file);
}

keepHeapSmall();
const [option, file] = process.argv.slice(2);
if (option === undefined) void runProgram(serve, 'api');
else if (option === '--write-openapi' && file !== undefined) void writeOpenApi(file);
else {
  process.stderr.write('Usage: main.js [--write-openapi <file>]\n');
  process.exitCode = 2;
}
