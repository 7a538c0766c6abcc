import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import ts from 'typescript';
import { type ClusterObject } from './kustomize';

const root = path.resolve(__dirname, '../..');
const load = createRequire(__filename);
/** Where the generated source would lie; it is never written. */
const SOURCE = path.join(root, 'cluster-objects.ts');

/** What was read of libraries: much, and the same each time. */
const parsed = new Map<string, ts.SourceFile | undefined>();

interface Model {
  new (object: ClusterObject): { validate(): void };
}

/**
 * What is wrong with objects of a cluster by the schemas of Kubernetes and of the Prometheus operator, each with the
 * object's name: fields that are missing or that nobody knows, and values of a wrong type or form.
 */
export function schemaProblems(objects: ClusterObject[]): string[] {
  const problems = objects.flatMap((object) => valueProblems(object));
  // The schemas allow unknown fields, as the cluster does; the types that are made of them do not, as kubectl.
  return [...problems, ...fieldProblems(objects)];
}

/** The module that describes a kind, and the kind's name in it. Throws for kinds that are not known. */
function moduleOf({ apiVersion, kind }: ClusterObject): string {
  const isOperator = (apiVersion as string).startsWith('monitoring.coreos.com/');
  const name = `${isOperator ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}/${kind}`;
  try {
    load.resolve(name);
  } catch (error) {
    throw new Error(`No schema describes ${kind} of ${apiVersion}`, { cause: error });
  }
  return name;
}

function nameOf({ kind, metadata }: ClusterObject): string {
  return `${kind} ${metadata?.name}`;
}

function valueProblems(object: ClusterObject): string[] {
  const { [object.kind as string]: Kind } = load(moduleOf(object)) as Record<string, Model>;
  try {
    new Kind!(object).validate();
    return [];
  } catch (error) {
    return [`${nameOf(object)}: ${(error as Error).message}`];
  }
}

/** Type-checks the objects as literals, in which a field that the type lacks is an error. */
function fieldProblems(objects: ClusterObject[]): string[] {
  const lines = objects.map((object: ClusterObject, index) => {
    const type = `import('${moduleOf(object)}').I${object.kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object)};`;
  });
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const text = lines.join('\n');
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.fileExists = (file) => file === SOURCE || fileExists(file);
  host.readFile = (file) => (file === SOURCE ? text : readFileSync(file, 'utf8'));
  host.getSourceFile = (file, ...rest) => {
    if (file === SOURCE) return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022);
    if (!parsed.has(file)) parsed.set(file, getSourceFile(file, ...rest));
    return parsed.get(file);
  };
  const program = ts.createProgram([SOURCE], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ start, messageText }) => {
    const line = start === undefined ? 0 : text.slice(0, start).split('\n').length - 1;
    return `${nameOf(objects[line])}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}
