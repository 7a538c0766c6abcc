import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type OpenAPIObject } from '@nestjs/swagger';
import { ERROR_CODES, loadSettings } from '@app/core';
import { AppModule } from './app.module';
import { ApiHttpAdapter } from './http/api-http-adapter';
import { STATUS } from './http/error-status';
import { PROBLEM_TYPE } from './http/problem';
import { buildDocument, writeDocument } from './openapi';

/** Codes of later versions: nothing answers with them yet. */
const LATER = /^(queue_|rate_)/;
/** Codes that any address can answer with, whatever is asked there. */
const OF_NO_ENDPOINT = ['method_not_allowed'];
/** Endpoints that take a body. */
const WITH_BODY = ['POST /create-file', 'POST /stage_data', 'POST /stage_data/batch', 'POST /stage_data/plan'];
/** Answers without a body: to conditions and ranges. */
const BARE = ['304', '412', '416'];

/** As much of the document as is looked at here. */
interface Schema {
  type?: string;
  description?: string;
  example?: unknown;
  $ref?: string;
  allOf?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
}
interface Answer {
  description: string;
  content?: Record<string, { schema: Schema; examples?: Record<string, { value: unknown }> }>;
}
interface Operation {
  summary?: string;
  operationId?: string;
  tags?: string[];
  parameters?: { description?: string; schema: Schema }[];
  requestBody?: unknown;
  responses: Record<string, Answer>;
}

let app: INestApplication;
let document: OpenAPIObject;

beforeAll(async () => {
  app = await NestFactory.create(AppModule.of(loadSettings({})), new ApiHttpAdapter(), {
    preview: true,
    logger: false,
  });
  document = buildDocument(app);
});

const operations = () =>
  Object.entries(document.paths).flatMap(([address, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${address}`,
      operation,
    })),
  );

describe('the OpenAPI document', () => {
  it('is the one that is committed', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'openapi-'));
    const file = path.join(folder, 'openapi.json');
    writeDocument(app, file);
    const committed = readFileSync(path.resolve(__dirname, '../../../docs/openapi.json'), 'utf8');
    const written = readFileSync(file, 'utf8');
    rmSync(folder, { recursive: true });
    // Run `npm run openapi` when this fails.
    expect(written).toBe(committed);
  });

  it('has every endpoint of this version and names the version first', () => {
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([
      'GET /audit',
      'GET /batches',
      'GET /batches/{id}',
      'GET /config',
      'GET /config/allowed-methods',
      'GET /downloads/{token}',
      'GET /health/live',
      'GET /health/ready',
      'GET /logs',
      'GET /metrics',
      'GET /operations',
      'GET /operations/{id}',
      'GET /operations/{id}/attempts',
      'GET /operations/{id}/events',
      'GET /operations/{id}/files',
      'GET /operations/{id}/log',
      'GET /ping',
      'GET /storage',
      'GET /user-areas/{username}',
      'POST /batches/{id}/cancel',
      'POST /batches/{id}/retry',
      'POST /create-file',
      'POST /operations/{id}/cancel',
      'POST /operations/{id}/download-url',
      'POST /operations/{id}/release',
      'POST /operations/{id}/retry',
      'POST /stage_data',
      'POST /stage_data/batch',
      'POST /stage_data/plan',
    ]);
    expect(document.servers?.map(({ url }) => url)).toEqual(['/api/v1', '/']);
  });

  it('says of each endpoint what it does, takes and answers', () => {
    for (const { name, operation } of operations()) {
      expect([name, operation.summary]).toEqual([name, expect.stringMatching(/^[A-Z].{5,}/)]);
      expect([name, operation.operationId]).toEqual([name, expect.stringMatching(/^[a-z]+[A-Za-z]*$/)]);
      expect([name, operation.tags]).toEqual([name, [expect.any(String)]]);
      for (const parameter of operation.parameters ?? []) {
        const facts = { name, description: parameter.description, example: parameter.schema.example };
        expect(facts).toEqual({ name, description: expect.stringMatching(/.{5,}/), example: expect.anything() });
        expect(parameter.schema.type ?? parameter.schema.$ref ?? parameter.schema.allOf).toBeDefined();
      }
      expect([name, operation.requestBody !== undefined]).toEqual([name, WITH_BODY.includes(name)]);
      const good = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      expect(good).not.toEqual([]);
      for (const [status, { description, content }] of good) {
        expect(description).toBeTruthy();
        // 204 has no content (RFC 9110, 15.3.5).
        if (status === '204') continue;
        for (const { schema } of Object.values(content!)) expect(schema).toBeDefined();
      }
    }
  });

  it('says of each field what it means, with an example', () => {
    const schemas = Object.entries((document.components?.schemas ?? {}) as Record<string, Schema>);
    for (const [schema, { properties = {} }] of schemas) {
      for (const [field, facts] of Object.entries(properties)) {
        const where = `${schema}.${field}`;
        expect([where, facts.description]).toEqual([where, expect.stringMatching(/.{5,}/)]);
        const refers = facts.$ref ?? facts.allOf ?? facts.items?.$ref ?? facts.items?.allOf;
        expect([where, 'example' in facts || refers !== undefined]).toEqual([where, true]);
      }
    }
  });

  it('has an example of each error at each endpoint, with its own status', () => {
    const told = new Set<string>();
    for (const { name, operation } of operations()) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const examples = Object.entries(response.content?.[PROBLEM_TYPE]?.examples ?? {});
        const isBare = status.startsWith('2') || (name.startsWith('GET /downloads') && BARE.includes(status));
        if (!isBare && name !== 'GET /health/ready') expect(examples).not.toEqual([]);
        for (const [code, { value }] of examples) {
          told.add(code);
          expect(value).toMatchObject({ code, status: Number(status), detail: expect.stringMatching(/.{10,}/) });
          expect(STATUS[code as keyof typeof STATUS]).toBe(Number(status));
        }
      }
    }
    const expected = ERROR_CODES.filter((code) => !LATER.test(code) && !OF_NO_ENDPOINT.includes(code));
    expect([...told].sort()).toEqual([...expected].sort());
  });
});
