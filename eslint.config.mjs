import js from '@eslint/js';
import checkFile from 'eslint-plugin-check-file';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const byPath = (name, instead) => ({
  selector: `CallExpression[callee.name=/^l?${name}(Sync)?$/], CallExpression[callee.property.name=/^l?${name}(Sync)?$/]`,
  message: `${name} by path follows whatever a user put there meanwhile: ${instead} on an open handle.`,
});

const noMarkup = {
  selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
  message: 'Names may hold markup.',
};

/** What the page says stands in one place, where it can be read through and translated: no words in the markup. */
const SAID = '/^(label|title|placeholder|description|aria-label|alt|fallback|error|emptyText|what)$/';
const WORDS = '/[A-Za-z]{2,}/';
/** Two words, or the like: names of classes, keys and formats have no spaces. */
const SENTENCE = '/[A-Za-z]{2,}[.,;:]? [A-Za-z]/';
const inTexts = { message: 'What the page says stands in client/src/texts.' };
const noWords = [
  { selector: `JSXText[value=${WORDS}]`, ...inTexts },
  { selector: `JSXElement > JSXExpressionContainer Literal[value=/[A-Za-z]{2,} |^[A-Z][a-z]+$/]`, ...inTexts },
  {
    selector: `JSXElement > JSXExpressionContainer TemplateElement[value.raw=/[A-Za-z]{2,} | [A-Za-z]{2,}/]`,
    ...inTexts,
  },
  { selector: `JSXAttribute[name.name=${SAID}] > Literal[value=${WORDS}]`, ...inTexts },
  { selector: `JSXAttribute[name.name=${SAID}] :not(BinaryExpression) > Literal[value=${WORDS}]`, ...inTexts },
  { selector: `JSXAttribute[name.name=${SAID}] TemplateElement[value.raw=${WORDS}]`, ...inTexts },
  // Beside the markup: what a function of the view returns, headings of a table, rows that begin with a name.
  { selector: `:not(JSXAttribute) > Literal[value=${SENTENCE}]`, ...inTexts },
  { selector: `TemplateElement[value.raw=/ [A-Za-z]{2,} ?|^[A-Z][a-z]+ /]`, ...inTexts },
  { selector: `Property[key.name=/^(label|title|header|text|name)$/] > Literal[value=/^[A-Z][a-z]/]`, ...inTexts },
  { selector: `ArrayExpression > ArrayExpression > Literal:first-child[value=/^[A-Z][a-z]/]`, ...inTexts },
];

export default tseslint.config(
  { ignores: ['**/dist/', 'coverage/', '**/node_modules/', 'data/', 'client/src/api/schema.d.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'check-file': checkFile },
    rules: {
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'check-file/filename-naming-convention': [
        'error',
        { '**/*.{ts,tsx}': 'KEBAB_CASE' },
        { ignoreMiddleExtensions: true },
      ],
      'check-file/folder-match-with-fex': ['error', { '*.method.ts': 'libs/methods/src/*/' }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only libs/core reads the environment.' },
      ],
      'no-restricted-syntax': ['error', byPath('chmod', 'fchmod'), byPath('chown', 'fchown')],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
    },
  },
  // Dependency injection reads parameter types at run time, so that type-only imports would break it.
  { files: ['apps/**/*.ts', 'libs/**/*.ts'], rules: { '@typescript-eslint/consistent-type-imports': 'off' } },
  { files: ['libs/core/src/settings.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts', 'bench/**/*.ts', '**/testing/**/*.ts', '**/migrations/*.ts'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
  {
    // The page: components are functions, longer than others where they are markup; the build replaces its environment.
    files: ['client/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      'max-lines-per-function': ['error', { max: 90, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', noMarkup],
    },
  },
  {
    files: ['client/src/**/*.tsx'],
    ignores: ['**/*.test.tsx'],
    rules: { 'no-restricted-syntax': ['error', noMarkup, ...noWords] },
  },
  {
    files: ['client/public/*.js'],
    languageOptions: { globals: { window: 'readonly', document: 'readonly' } },
    rules: { 'no-unused-vars': ['error', { caughtErrorsIgnorePattern: '^_' }] },
  },
  { files: ['**/migrations/*.ts'], rules: { 'check-file/filename-naming-convention': 'off' } },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        URLSearchParams: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        require: 'readonly',
        module: 'writable',
        __dirname: 'readonly',
        performance: 'readonly',
        AbortSignal: 'readonly',
      },
    },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }] },
  },
);
