import { readDestination } from '@app/files';
import { nameFault, refuseDestination, refuseLinkText, refuseTreePath, resultPath } from './remote-path';

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    const { code, errors } = error as { code: string; errors?: { field: string }[] };
    return [code, ...(errors ?? []).map(({ field }) => field)];
  }
  return undefined;
};

it.each(['a', 'a b', 'a.b', '50%', '%2e%2e', '%252', 'a#?&', '\\', '~', '-rf', 'Gr\xc3\xbc\xc3\x9fe'])(
  'takes the name %j',
  (name) => {
    expect(nameFault(name)).toBeNull();
  },
);

it.each(['.', '.a', '..a', 'a%2fb', 'a%2Fb', 'a%5c', '\n', 'a\x00', 'a\x7f', 'a\xc2\x85', 'caf\xe9'])(
  'refuses the name %j',
  (name) => {
    expect(nameFault(name)).not.toBeNull();
    expect(codeOf(() => refuseTreePath(`above/${name}`))).toEqual(['source_unsupported']);
    expect(codeOf(() => resultPath(readDestination('in/'), name))).toEqual(['validation_failed', 'relative_path']);
  },
);

it('refuses destinations that leave before names that Jupyter cannot hold', () => {
  expect(codeOf(() => refuseDestination(readDestination('../.x')))).toEqual(['path_outside_user_area']);
  expect(codeOf(() => refuseDestination(readDestination('a/.x/b')))).toEqual(['validation_failed', 'relative_path']);
  expect(codeOf(() => refuseDestination(readDestination('a/b')))).toBeUndefined();
});

it('looks at the name of the source only where the result gets it', () => {
  expect(resultPath(readDestination('a/b'), '.hidden')).toEqual(['a', 'b']);
  expect(resultPath(readDestination('a/b/'), 'c')).toEqual(['a', 'b', 'c']);
});

it('refuses links whose text JSON cannot tell', () => {
  expect(codeOf(() => refuseLinkText('link', '../.hidden'))).toBeUndefined();
  expect(codeOf(() => refuseLinkText('link', 'caf\xe9'))).toEqual(['source_unsupported']);
});
