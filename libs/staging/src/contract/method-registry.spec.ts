import { type StagingMethod } from './staging-method';
import { MethodRegistry } from './method-registry';

function method(name: string, ...aliases: string[]): StagingMethod {
  const stage = () => Promise.reject(new Error('not called'));
  return { name, aliases, description: 'Does nothing.', capabilities: { destination: 'user_area' }, stage };
}

const copy = method('copy');
const link = method('link', 'old_link');

describe('MethodRegistry', () => {
  it('offers every method when the site names none', () => {
    expect(new MethodRegistry([copy, link], { allowedMethods: undefined }).enabledNames).toEqual(['copy', 'link']);
  });

  it('finds a method by name and by alias, with exactly this spelling', () => {
    const registry = new MethodRegistry([copy, link], { allowedMethods: undefined });
    expect(registry.find('link')).toBe(link);
    expect(registry.find('old_link')).toBe(link);
    for (const name of ['LINK', ' link', '', 'constructor', '__proto__']) expect(registry.find(name)).toBeUndefined();
  });

  it('does not find what the site does not offer, and offers each once however often it is named', () => {
    const registry = new MethodRegistry([copy, link], { allowedMethods: ['old_link', 'link'] });
    expect(registry.enabledNames).toEqual(['link']);
    expect(registry.find('copy')).toBeUndefined();
  });

  it.each([
    ['two names', [copy, method('copy')]],
    ['a name and an alias', [link, method('old_link')]],
  ])('stops the start when %s are equal', (_what, methods) => {
    expect(() => new MethodRegistry(methods, { allowedMethods: undefined })).toThrow(/Two staging methods/);
  });

  it('stops the start when an enabled method is not implemented, or none is enabled', () => {
    expect(() => new MethodRegistry([copy], { allowedMethods: ['copy', 'teleport'] })).toThrow(/does not implement/);
    expect(() => new MethodRegistry([copy], { allowedMethods: [] })).toThrow(/no method/);
  });

  it('offers what the site lacks something for only by name, which stops the start', () => {
    const lacking = { ...method('upload'), requires: 'UPLOAD_URL' };
    const registry = new MethodRegistry([copy, lacking], { allowedMethods: undefined });
    expect(registry.enabledNames).toEqual(['copy']);
    expect(registry.find('upload')).toBeUndefined();
    expect(() => new MethodRegistry([copy, lacking], { allowedMethods: ['upload'] })).toThrow(
      /upload needs UPLOAD_URL/,
    );
  });

  it('answers an unknown method in the words of the contract', () => {
    const registry = new MethodRegistry([copy], { allowedMethods: undefined });
    const refusal = { code: 'invalid_method', message: 'Invalid staging method: tele port' };
    expect(() => registry.get('tele port')).toThrow(expect.objectContaining(refusal) as Error);
  });
});
